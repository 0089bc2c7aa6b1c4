"""What was read last, and when: a page never waits for a slow server longer than it is patient.

A look that is fresh is given as it is. One that is not is read anew in a thread, and waited for a moment; whoever does
not get it in time gets the one before, with its age. The longer a look takes, the less often it is made: reading takes
at most a twentieth of the time, however often somebody reloads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar, cast

import msgspec
import redis

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.errors import Unusable, in_words
from dcp_pipeline.queue import QueueError
from dcp_pipeline.settings import SettingInvalid

T = TypeVar("T")
log = logging.getLogger(__name__)
_SHARE = 20
KEPT = 20_000
EXPECTED = (LedgerError, QueueError, Unusable, SettingInvalid, redis.RedisError, OSError)
"""What a server or a file that is not as it should be makes of a look."""


class Look(msgspec.Struct, Generic[T], frozen=True):
    """What was read, and how long ago. Neither value nor trouble: it is being read for the first time."""

    value: T | None = None
    trouble: str | None = None
    age_seconds: float = 0.0

    @property
    def waits(self) -> bool:
        """Nothing is known yet."""
        return self.value is None and self.trouble is None


class _Slot:
    def __init__(self) -> None:
        self.value: Any = None
        self.trouble: str | None = None
        self.at: float | None = None
        self.cost = 0.0
        self.task: asyncio.Task[None] | None = None


class Looks:
    """The looks by key, the last `kept` that were asked for. For one event loop; `threads` read at once at most."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic, kept: int = KEPT) -> None:
        self._kept = kept
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="look")
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._clock = clock

    async def at(
        self, key: Hashable, read: Callable[[], T], patience_seconds: float = 0.5, fresh_seconds: float = 2.0
    ) -> Look[T]:
        """What `read` gave last; read anew where that is no longer fresh."""
        slot = self._slots.setdefault(key, _Slot())
        self._slots.move_to_end(key)
        self._forget_oldest()
        stale = slot.at is None or self._clock() - slot.at > max(fresh_seconds, _SHARE * slot.cost)
        if stale and slot.task is None:
            slot.task = asyncio.create_task(self._read(slot, read))
        if slot.task is not None and patience_seconds > 0:
            await asyncio.wait({slot.task}, timeout=patience_seconds)
        age = self._clock() - slot.at if slot.at is not None else 0.0
        return Look(cast("T | None", slot.value), slot.trouble, age)

    def forget(self, belongs: Callable[[Any], bool]) -> None:
        """Have the looks of these keys made anew when they are asked for: something was changed."""
        for key in [each for each in self._slots if belongs(each)]:
            del self._slots[key]

    async def close(self) -> None:
        """No look is begun any more; those that go on are left to their timeouts."""
        tasks = [slot.task for slot in self._slots.values() if slot.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _read(self, slot: _Slot, read: Callable[[], Any]) -> None:
        def timed() -> tuple[Any, float]:
            begun = self._clock()
            return read(), self._clock() - begun

        try:
            slot.value, slot.cost = await asyncio.get_running_loop().run_in_executor(self._threads, timed)
            slot.trouble = None
        except EXPECTED as error:
            slot.trouble = in_words(error)
        except Exception:
            # A page with a defect of ours in it still shows the rest.
            log.exception("a look failed")
            slot.trouble = "a defect of this program; its log says more"
        finally:
            slot.at, slot.task = self._clock(), None

    def _forget_oldest(self) -> None:
        while len(self._slots) > self._kept:
            _, slot = self._slots.popitem(last=False)
            if slot.task is not None:
                slot.task.cancel()
