"""Memory for what unpacks with much of it: a zstd window, an xz dictionary. What is read side by side shares what a pod
has, so who finds no room waits for who has it, and what could never have it is told.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dcp_fetcher.ground.errors import DamagedError, TemporaryError

FREE_BYTES = 1 << 20
"""What nobody asks for."""
OF_THE_FETCHER_BYTES = 112 << 20
"""What the process takes besides."""
LEAST_BYTES = 64 << 20
WAIT_SECONDS = 240.0
_POLL_SECONDS = 0.2
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_NO_LIMIT_FROM = 1 << 50


class Room:
    """`total_bytes` for everybody; None: as much as is asked for. `check` raises where a wait is to end."""

    def __init__(self, total_bytes: int | None = None, check: Callable[[], None] = lambda: None) -> None:
        self.total_bytes = total_bytes
        self._check, self._taken = check, 0
        self._changed, self._waiting = threading.Condition(), deque[object]()

    @contextmanager
    def taken(self, wanted_bytes: int, what: str) -> Iterator[None]:
        """So much for the block. Raises DamagedError where there can never be so much, TemporaryError where others
        keep it for long."""
        if self.total_bytes is None or wanted_bytes <= FREE_BYTES:
            yield
            return
        if wanted_bytes > self.total_bytes:
            raise DamagedError(
                f"{what} wants {wanted_bytes >> 20} MiB of memory, and there are {self.total_bytes >> 20} MiB: give "
                "the fetcher a higher memory limit (spec.fetcher.resources), then `dcp objects reread`"
            )
        self._take(wanted_bytes, self.total_bytes, what)
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted_bytes
                self._changed.notify_all()

    def _take(self, wanted_bytes: int, total_bytes: int, what: str) -> None:
        """In the order of coming, or whoever wants much would wait for ever."""
        me, deadline = object(), time.monotonic() + WAIT_SECONDS
        with self._changed:
            self._waiting.append(me)
            try:
                while self._waiting[0] is not me or self._taken + wanted_bytes > total_bytes:
                    self._check()
                    if time.monotonic() > deadline:
                        raise TemporaryError(f"{what} wants {wanted_bytes >> 20} MiB of memory, which others have now")
                    self._changed.wait(_POLL_SECONDS)
                self._taken += wanted_bytes
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()


def room_of_the_machine(limits: tuple[Path, ...] = _LIMITS) -> int | None:
    """What the container's memory limit leaves for unpacking; None where there is none."""
    for each in limits:
        with suppress(OSError, ValueError):
            limit = int(each.read_text())
            if limit < _NO_LIMIT_FROM:
                return max(LEAST_BYTES, limit - OF_THE_FETCHER_BYTES)
    return None
