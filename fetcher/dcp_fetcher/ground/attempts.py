"""How often whoever read an object died of it, remembered where the next process finds it.

A reader that is killed for its memory, or by a library's abort, leaves no error behind: without a count the next
process would read the same object, and die of it, for ever. Several are read side by side, and a process is killed for
many reasons: so what was in its hands is first only suspected, suspects are read one at a time, and only a death with
one of them alone counts. What is recorded of it since begins the count anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dcp_fetcher.ground.errors import DeadlyError

log = logging.getLogger(__name__)

FORGOTTEN_AFTER_SECONDS = 24 * 3600.0
"""Nodes that go now and then do not add up."""
TURN_SECONDS = 240.0
"""How long a suspect waits for another one: then it is read beside it, and its death counts for nothing."""
_POLL_SECONDS = 0.2
_UNKNOWN = -1


@dataclass(frozen=True)
class _Left:
    """What a reader that died has left: deaths that count, its own included, and the cuts there were as it began."""

    deaths: int
    cuts: int


class Attempts:
    """One file for each object that is being read, in a folder that outlives the process. Without one nothing
    counts. `check` raises where a wait is to end."""

    def __init__(self, folder: Path | None, max_crashes: int, check: Callable[[], None] = lambda: None) -> None:
        self._folder, self._max_crashes, self._check = folder, max_crashes, check
        self._turn = threading.Lock()

    def suspected(self, object_id: str) -> bool:
        """Whether somebody died while it was read: it is to be read with none beside it."""
        return self._folder is not None and _left_at(_mark(self._folder, object_id)) is not None

    @contextmanager
    def reading(self, object_id: str, cuts: Callable[[], int]) -> Iterator[None]:
        """While an object is read; `cuts` asks how many of it are recorded, where somebody has died. Raises DeadlyError
        where it has ended its readers as often as worker.maxCrashes allows."""
        if self._folder is None:
            yield
            return
        path = _mark(self._folder, object_id)
        left = _left_at(path)
        if left is None:
            with _marked(path, _Left(0, _UNKNOWN)):
                yield
            return
        with self._alone() as alone:
            recorded = cuts()
            deaths = left.deaths if left.cuts == recorded else 0
            log.warning(
                "whoever read it before died of it or with it; it is read with no other such one beside it",
                extra={"object": object_id, "deaths": deaths},
            )
            with _marked(path, _Left(deaths + alone, recorded)):
                if deaths >= self._max_crashes:
                    raise DeadlyError(
                        f"whoever read it died, {deaths} times with none but it under suspicion (killed for its "
                        "memory, or by a library's abort), as often as worker.maxCrashes allows; `dcp objects reread` "
                        "tries again"
                    )
                yield

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """The suspects' turn; False where it did not come in time."""
        deadline = time.monotonic() + TURN_SECONDS
        while not (mine := self._turn.acquire(timeout=_POLL_SECONDS)) and time.monotonic() < deadline:
            self._check()
        try:
            yield mine
        finally:
            if mine:
                self._turn.release()


@contextmanager
def _marked(path: Path, left: _Left) -> Iterator[None]:
    """What stands there while it is read, and goes whatever the reading ends with, as long as the process lives."""
    try:
        with suppress(OSError):  # a full disk: then it does not count
            path.write_text(f"{left.deaths} {left.cuts}")
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _mark(folder: Path, object_id: str) -> Path:
    return folder / f"reading-{object_id}"


def _left_at(path: Path) -> _Left | None:
    try:
        if time.time() - path.stat().st_mtime > FORGOTTEN_AFTER_SECONDS:
            return None
        deaths, cuts = path.read_text().split()
        return _Left(int(deaths), int(cuts))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):  # killed while it was written
        return _Left(0, _UNKNOWN)
