"""Keeps leases alive from a thread while their jobs are worked on, but not for ever.

Polars and the database drivers release the GIL, and Python code gives it up every few milliseconds: cleaning
that is bound by the CPU does not starve this thread. A job that hangs is not renewed any more past its timeout.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from redis.exceptions import RedisError

from dcp_pipeline.queue.model import Lease

_log = logging.getLogger(__name__)


class Renewer(Protocol):
    """What the keeper needs of a Queue."""

    @property
    def lease_seconds(self) -> float: ...

    def extend(self, leases: Sequence[Lease]) -> frozenset[str]: ...


class _Kept(msgspec.Struct, frozen=True):
    lease: Lease
    since: float


class LeaseKeeper:
    """Renews what it was given every lease_seconds / 3, each for at most batch_timeout_seconds.

    Called from its thread, and at most once per lease: on_hung(lease) past that time (the process is expected
    to exit; the lease then runs out and counts as a crash), on_lost(lease) when someone else may have the job
    (its work is of no use any more, but does no harm: the ledger knows what is done). Remove a lease *before*
    it is acknowledged, retried, buried or handed back: afterwards it looks lost.
    """

    def __init__(
        self,
        queue: Renewer,
        batch_timeout_seconds: float,
        on_hung: Callable[[Lease], None],
        on_lost: Callable[[Lease], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._batch_timeout_seconds = batch_timeout_seconds
        self._on_hung = on_hung
        self._on_lost = on_lost
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def add(self, lease: Lease) -> None:
        """Keep a lease from now on."""
        with self._lock:
            self._kept[lease.id] = _Kept(lease, self._clock())

    def remove(self, lease: Lease) -> None:
        """Leave a lease alone from now on. A callback that was decided just before may still be running."""
        self._take(lease)

    def start(self) -> None:
        """Begin to renew in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread. What it kept runs out in its own time."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs: for the health check."""
        return self._thread.is_alive()

    def run_once(self, now: float) -> None:
        """Renew everything once. `now` is of the keeper's clock, in seconds. redis.RedisError passes through."""
        with self._lock:
            kept = list(self._kept.values())
        due = [each.lease for each in kept if now - each.since >= self._batch_timeout_seconds]
        for lease in due:
            if self._take(lease):
                self._on_hung(lease)
        renewed = [each.lease for each in kept if now - each.since < self._batch_timeout_seconds]
        lost = self._queue.extend(renewed) if renewed else frozenset()
        for lease in renewed:
            if lease.id in lost and self._take(lease):
                self._on_lost(lease)

    def _take(self, lease: Lease) -> bool:
        """Stop keeping exactly this lease; False when it was removed or replaced in the meantime."""
        with self._lock:
            kept = self._kept.get(lease.id)
            if kept is None or kept.lease.token != lease.token:
                return False
            del self._kept[lease.id]
            return True

    def _run(self) -> None:
        interval_seconds = self._queue.lease_seconds / 3
        pause_seconds = interval_seconds
        while not self._stopping.wait(pause_seconds):
            try:
                self.run_once(self._clock())
                pause_seconds = interval_seconds
            except RedisError as error:
                _log.warning("leases were not renewed, trying again: %s", type(error).__name__)
                pause_seconds = interval_seconds / 4
