"""Lookups that a process remembers, for a time, by how recently they were used.

Of our own, because it is asked for a whole batch's keys at once: under one lock, and without a step of Python per
key that is known. Instead of one chain of all entries it keeps two generations: what is used moves to the young
one, and when that is full the old one is forgotten and the young one becomes old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Generic, TypeVar

Value = TypeVar("Value")
_Entries = dict[str, tuple[float, Value]]


class LruCache(Generic[Value]):
    """At most `size` values, each for `ttl_seconds`; the half used least recently goes first. Thread-safe."""

    def __init__(self, size: int, ttl_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._generation_size, self._ttl_seconds, self._clock = size // 2, ttl_seconds, clock
        self._young: _Entries[Value] = {}
        self._old: _Entries[Value] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get_many(self, keys: Sequence[str]) -> list[Value | None]:
        """For each key its value, or None where none is known."""
        now = self._clock()
        with self._lock:
            young, old = list(map(self._young.get, keys)), list(map(self._old.get, keys))
            used = {
                key: entry
                for key, entry, is_young in zip(keys, old, young, strict=True)
                if entry is not None and is_young is None
            }
            self._remember(used)
        found = (first or second for first, second in zip(young, old, strict=True))
        return [entry[1] if entry is not None and entry[0] > now else None for entry in found]

    def put_many(self, keys: Sequence[str], values: Sequence[Value]) -> None:
        """Remember these; the least recently used make room."""
        expires = self._clock() + self._ttl_seconds
        with self._lock:
            self._remember(dict(zip(keys, zip(repeat(expires), values, strict=False), strict=True)))

    def _remember(self, entries: _Entries[Value]) -> None:
        room = self._generation_size - len(self._young)
        if len(entries) > room:
            self._old, self._young = self._young, {}
            entries = dict(list(entries.items())[: self._generation_size])
        self._young.update(entries)
