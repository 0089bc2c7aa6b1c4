"""Memory settings of a process that cleans: to be called before Polars is imported, for it reads them once.

POLARS_MAX_THREADS, _RJEM_MALLOC_CONF and MALLOC_ARENA_MAX of the environment go before; the last one leaves the whole
of glibc's allocator as it is.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass

_MIB = 1024 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""glibc's mallopt(3)."""
_MOST_ARENAS = 2
"""Each keeps what it once needed."""


@dataclass(frozen=True)
class _Habits:
    """When freed memory goes back to the system."""

    mapped_bytes: int
    """A larger block is mapped, and unmapped when it is freed. Unless it is set, the threshold grows with use."""
    trimmed_bytes: int
    decay: str
    """Of jemalloc, which Polars brings along."""


_SMALL = _Habits(_MIB // 4, _MIB, "dirty_decay_ms:0,muzzy_decay_ms:0")
_QUICK = _Habits(16 * _MIB, 32 * _MIB, "dirty_decay_ms:1000,muzzy_decay_ms:1000")


def keep_memory_small(threads: int) -> None:
    """Polars' pool to `threads`; freed pages back to the system at once: for a laptop's process that does everything.

    Measured with one worker on 1 MiB batches: 11 MB less at the peak than without.
    """
    _settle(threads, _SMALL)


def keep_memory_at_hand(threads: int) -> None:
    """The same, with freed pages kept for the next batch: for a worker in a container of its own.

    Measured on 1.5 MiB batches: a quarter of the time in the kernel, that is 1 of 12 CPU-seconds per million records,
    for 2 to 10 MB more at the peak.
    """
    _settle(threads, _QUICK)


def share_one_arena() -> None:
    """For a process that others are forked from: their threads allocate in one place, each of which would touch a
    copy of its pages. The environment is left to what is set later, by the processes that clean."""
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)


def _settle(threads: int, habits: _Habits) -> None:
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))
    os.environ.setdefault("_RJEM_MALLOC_CONF", f"{habits.decay},narenas:{_MOST_ARENAS}")
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, _MOST_ARENAS)
            mallopt(_M_MMAP_THRESHOLD, habits.mapped_bytes)
            mallopt(_M_TRIM_THRESHOLD, habits.trimmed_bytes)
