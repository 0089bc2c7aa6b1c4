"""The keys that are to be reconciled: each at most once at a time, and again if it is marked meanwhile. Something that
happened goes first: a resync marks thousands at once, and nobody's change is to wait behind them."""

from __future__ import annotations

import asyncio
from collections import deque

from dcp_operator.ground.names import PipelineKey


class DirtyKeys:
    """A queue of keys without doubles. For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[PipelineKey] = deque()
        self._leisurely: dict[PipelineKey, None] = {}
        """Those that wait until nobody else does."""
        self._queued: set[PipelineKey] = set()
        self._running: set[PipelineKey] = set()
        self._timers: dict[PipelineKey, asyncio.TimerHandle] = {}
        self._available = asyncio.Semaphore(0)

    def mark(self, key: PipelineKey, at_leisure: bool = False) -> None:
        """The key is to be reconciled, now or, when it is in the works, right after; `at_leisure`: after all that
        something happened to."""
        if key in self._leisurely and not at_leisure:
            del self._leisurely[key]
            self._waiting.append(key)
        if key in self._queued:
            return
        self._queued.add(key)
        if key in self._running:
            return
        if at_leisure:
            self._leisurely[key] = None
            self._available.release()
        else:
            self._put(key)

    def mark_later(self, key: PipelineKey, seconds: float) -> None:
        """Mark the key after a time, unless an earlier time is set already."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + seconds:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._fire, key)

    async def take(self) -> PipelineKey:
        """The next key; done() must follow."""
        await self._available.acquire()
        if self._waiting:
            key = self._waiting.popleft()
        else:
            del self._leisurely[key := next(iter(self._leisurely))]
        self._queued.discard(key)
        self._running.add(key)
        return key

    def done(self, key: PipelineKey) -> None:
        """The key is no longer in the works."""
        self._running.discard(key)
        if key in self._queued:
            self._put(key)

    def close(self) -> None:
        """Cancel what is set for later."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is in the works."""
        return not (self._queued or self._running)

    def _fire(self, key: PipelineKey) -> None:
        del self._timers[key]
        self.mark(key)

    def _put(self, key: PipelineKey) -> None:
        self._waiting.append(key)
        self._available.release()
