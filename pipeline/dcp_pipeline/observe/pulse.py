"""Liveness that tells a stuck loop from an idle one and from a long batch.

Every loop tells its pulse what it does: an idle loop beats at least every few seconds, a busy one names the time
by which it must be done. Healthy is: no idle loop silent for longer than `stale_after`, no busy one past its time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec

STALE_AFTER_SECONDS = 30.0


class Beat(msgspec.Struct, frozen=True):
    """The last sign of life of one loop: when, and until when it may stay silent. Monotonic seconds."""

    at: float
    silent_until: float
    doing: str


class Pulse:
    """The signs of life of a process's loops. Thread-safe."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._beats: dict[str, Beat] = {}

    def beat(self, loop: str, doing: str = "idle", at_most_seconds: float = STALE_AFTER_SECONDS) -> None:
        """The loop lives; it will beat again within at_most_seconds, or is stuck."""
        now = self._now()
        with self._lock:
            self._beats[loop] = Beat(now, now + at_most_seconds, doing)

    def end(self, loop: str) -> None:
        """The loop has ended; nothing more is expected of it."""
        with self._lock:
            self._beats.pop(loop, None)

    def stuck(self) -> list[str]:
        """What is stuck, in words; empty when all is well."""
        now = self._now()
        with self._lock:
            late = [(loop, beat) for loop, beat in self._beats.items() if now > beat.silent_until]
        return [f"{loop}: {beat.doing}, silent for {now - beat.at:.0f} s" for loop, beat in late]
