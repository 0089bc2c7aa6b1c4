"""What may still change waits: the last record of a version that has no line end, until the version has settled.

A version has settled once it has been the same for `settle`: by its source's own clock where that tells its age, else
by ours since it was first seen. objects/ asks; here is what is remembered between two looks. It may be forgotten: a
process that starts anew waits anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dcp_fetcher.cutting.split import Position
from dcp_pipeline.batch import digester
from dcp_pipeline.ledger.model import Cut
from dcp_pipeline.spec.model import Source

ONCE_AT_MOST_SECONDS = 5.0
"""`--once` has no looks at intervals: without a `settle` of the spec's own it does not wait for the next one."""
HELD_BYTES = 64 * 1024 * 1024
HELD = "it waits for the line end of its last record"
"""How the reason of an object begins that waits for the rest of its last record."""
CUT_OFF = "it is cut off"
"""How the reason of an object begins that waits for its end, or never came to it."""
WAITING = (HELD, CUT_OFF)
UNENDED = "its last record has no line end"
"""The reason of one that had settled so, and was read with it."""
NO_LINE_END = "its last record has no line end yet"
"""How the reason of a growing file begins that is read up to there."""
SOUGHT = "looked for"
"""How the reason of one begins whose file is not where it was."""
CONTINUED = "the version that followed begins with it"
"""The reason of one whose last record stands whole in the next version."""


def settle_seconds(source: Source, once: bool) -> float:
    """How long a version of this source has to stay as it is."""
    if source.settle is not None:
        return source.settle.seconds
    a_look = 1.1 * source.interval.seconds
    return min(a_look, ONCE_AT_MOST_SECONDS) if once else a_look


@dataclass(frozen=True)
class Rest:
    """The bytes behind the last whole record. `at`: where cutting goes on; None: nothing is cut, not even a header.
    `labels` hold there.
    """

    at: Position | None
    raw: bytes
    labels: tuple[str, ...] | None = None

    @property
    def start(self) -> int:
        return self.at.offset if self.at else 0


class Settling:
    """Since when versions have been what they are, and what is held back of them. Thread-safe."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._since: dict[str, float] = {}
        self._rests: dict[str, Rest] = {}
        self._lock = threading.Lock()

    def settled(self, object_id: str, age_seconds: float | None = None) -> bool:
        """Has this version been the same for long enough? `age_seconds`: what its source says."""
        now = self._clock()
        with self._lock:
            since = self._since.setdefault(object_id, now)
            since = self._since[object_id] = min(since, now - max(0.0, age_seconds or 0.0))
        return now - since >= self.seconds

    def knows(self, object_id: str) -> bool:
        """Was it asked for in this process?"""
        with self._lock:
            return object_id in self._since

    def hold(self, object_id: str, rest: Rest) -> None:
        """Keep a rest, unless too many bytes are kept already."""
        with self._lock:
            if sum(len(each.raw) for each in self._rests.values()) + len(rest.raw) <= HELD_BYTES:
                self._rests[object_id] = rest

    def rest(self, object_id: str) -> Rest | None:
        """What is held back of it."""
        with self._lock:
            return self._rests.get(object_id)

    def forget(self, object_id: str) -> None:
        """It is read to its end, or given up."""
        with self._lock:
            self._since.pop(object_id, None)
            self._rests.pop(object_id, None)


class Continuation:
    """Watches the bytes of a version go by: does it begin with one before it, and go on behind that?

    Its last cut must be there by its digest, and what was held back byte for byte.
    """

    def __init__(self, cuts: list[Cut], rest: Rest | None) -> None:
        last = cuts[-1] if cuts else None
        self._cut = last
        self._from = last.start if last else (rest.start if rest else 0)
        self._middle = last.end if last else self._from
        self._rest = rest.raw if rest else b""
        self._end = self._middle + len(self._rest)
        self._at, self._digest, self._tail = self._from, digester(), bytearray()
        self._more = False

    def see(self, at: int, data: bytes) -> None:
        """`data` stands at `at`. To be told of all bytes in their order; what comes after a gap proves nothing."""
        if at > self._at:
            return
        data = data[self._at - at :]
        if not data:
            return
        self._more = self._more or self._at + len(data) > self._end
        in_cut = max(0, self._middle - self._at)
        if in_cut:
            self._digest.update(data[:in_cut])
        self._tail += data[in_cut : max(0, self._end - self._at)]
        self._at += len(data)

    @property
    def proven(self) -> bool:
        """Is it so, by what was seen?"""
        same = self._cut is None or self._digest.hexdigest() == self._cut.digest
        return self._more and same and bytes(self._tail) == self._rest
