"""Waiting that can be stopped: for a server that is away, for room in the queue, for the next look."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import redis

from dcp_fetcher.ground.errors import Stopped
from dcp_pipeline.database.errors import NeedsAPerson, SinkUnavailable
from dcp_pipeline.queue.connection import refuses
from dcp_pipeline.queue.model import QueueFull

log = logging.getLogger(__name__)

T = TypeVar("T")
AWAY = (SinkUnavailable, redis.RedisError, QueueFull)
"""The database or Redis cannot take it now. Nothing is lost by waiting, everything by going on."""
POLL_SECONDS = 0.2
PERSON_SECONDS = 10.0
"""What only a person can mend ends a run of `once` when it has lasted for so long: it may have been a failover."""


@dataclass(frozen=True)
class Backoff:
    """How often one request is tried in one round, and how long the pauses are: exponential, with full jitter."""

    attempts: int = 5
    base_seconds: float = 0.5
    longest_seconds: float = 30.0
    longest_asked_seconds: float = 120.0
    """The most that a server's Retry-After is honoured."""

    def pause_seconds(self, failures: int, asked_seconds: float | None, draw: float) -> float:
        """The pause after so many failures; `draw` is from [0, 1)."""
        jittered = min(self.longest_seconds, self.base_seconds * 2.0**failures) * draw
        return max(jittered, min(asked_seconds, self.longest_asked_seconds)) if asked_seconds else jittered


class Stop:
    """The wish to stop, seen by every wait. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._waits: set[concurrent.futures.Future[Any]] = set()

    def request(self) -> None:
        """End every wait, now and from now on."""
        with self._lock:
            self._event.set()
            waits = list(self._waits)
        for each in waits:
            each.cancel()

    def check(self) -> None:
        """Raises Stopped once a stop was requested."""
        if self._event.is_set():
            raise Stopped("asked to stop")

    def wait(self, seconds: float) -> None:
        """Sleep in a thread. Raises Stopped."""
        if self._event.wait(seconds):
            raise Stopped("asked to stop")

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop. Raises Stopped."""
        deadline = time.monotonic() + seconds
        self.check()
        while (left := deadline - time.monotonic()) > 0:
            await asyncio.sleep(min(POLL_SECONDS, left))
            self.check()

    def guard(self, wait: concurrent.futures.Future[Any]) -> None:
        """Have request() cancel this wait. Raises Stopped when it came before."""
        with self._lock:
            if not self._event.is_set():
                self._waits.add(wait)
                wait.add_done_callback(self._waits.discard)
                return
        wait.cancel()
        raise Stopped("asked to stop")


class Bridge:
    """How a thread that reads an object has the event loop do its requests."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stop: Stop) -> None:
        self._loop, self._stop = loop, stop

    def call(self, work: Coroutine[Any, Any, T], on_pause: Callable[[], None] | None = None) -> T:
        """The result. `on_pause` is called once when it is not there within POLL_SECONDS. Raises Stopped."""
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._stop.guard(waiting)
        try:
            if on_pause is not None:
                done, _ = concurrent.futures.wait([waiting], POLL_SECONDS)
                if not done:
                    on_pause()
            return waiting.result()
        except concurrent.futures.CancelledError:
            raise Stopped("asked to stop") from None
        except BaseException:
            waiting.cancel()
            raise

    def close(self, action: Callable[[], None]) -> None:
        """Have the loop close something, without waiting. A loop that has ended has closed everything."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action)


class Patience:
    """Calls ledger and queue until they answer. Logs when they go away and when they are back."""

    def __init__(
        self,
        stop: Stop,
        on_wait: Callable[[str | None], None] | None = None,
        base_seconds: float = 0.2,
        longest_seconds: float = 5.0,
    ) -> None:
        self._stop, self._on_wait = stop, on_wait
        self._base, self._longest = base_seconds, longest_seconds
        self._hopeless: Callable[[], Exception | None] | None = None

    def until_a_person_is_needed(self, hopeless: Callable[[], Exception | None]) -> None:
        """From now on raise what only a person can mend, once it has lasted; `hopeless` says what others have met."""
        self._hopeless = hopeless

    def __call__(self, call: Callable[[], T]) -> T:
        """What `call` returns; it may be called again and must bear that.

        Raises Stopped, what is no absence, and what only a person can mend where that is not to be waited for.
        """
        if self._hopeless is not None and (met := self._hopeless()) is not None:
            raise met
        failures, since = 0, time.monotonic()
        while True:
            try:
                result = call()
            except AWAY as error:
                failures += 1
                if not _needs_a_person(error):
                    since = time.monotonic()
                elif self._hopeless is not None and time.monotonic() - since > PERSON_SECONDS:
                    raise
                if failures == 1:
                    log.warning("waiting: %s: %s", type(error).__name__, error)
                if self._on_wait is not None:
                    self._on_wait(f"{type(error).__name__}: {error}")
                self._stop.wait(min(self._longest, self._base * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1))  # noqa: S311
                continue
            if failures:
                log.info("going on after %d failed attempts", failures)
                if self._on_wait is not None:
                    self._on_wait(None)
            return result


def _needs_a_person(error: BaseException) -> bool:
    return isinstance(error, NeedsAPerson) or refuses(error)
