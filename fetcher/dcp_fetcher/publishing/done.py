"""Tells of each object that is done: read to its end, and every record of it settled by the workers.

The fetcher knows what was cut and when it began; what became of the records only the ledger knows. It is asked for
the objects that are under way and for no others, so that nothing is asked while nothing happens.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from dcp_pipeline.ledger.model import ObjectBooks

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 200


@dataclass(frozen=True)
class _UnderWay:
    began: float
    """Monotonic seconds."""
    growing: bool


class DoneLog:
    """The objects whose records are on their way. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, _UnderWay] = {}
        self._told: dict[str, int] = {}
        """Growing object -> records that were told of it."""
        self._places: dict[str, str] = {}
        """Followed object -> the file in which it is read now, where that is another than its name says."""

    def lies_in(self, object_id: str, name: str | None) -> None:
        """A followed file was moved aside: the line names where it is read. None: it has its own name."""
        with self._lock:
            if name is None:
                self._places.pop(object_id, None)
            else:
                self._places[object_id] = name

    def cut(self, object_id: str, began: float, growing: bool = False) -> None:
        """It was read to its end, from `began` (monotonic seconds) on."""
        with self._lock:
            self._under_way.setdefault(object_id, _UnderWay(began, growing))

    def named(self, object_id: str | None, uri: str) -> str:
        """The object's name for the log: with the file that it is now, where it was moved aside."""
        with self._lock:
            place = None if object_id is None else self._places.get(object_id)
        return f"{uri} (now {place})" if place else uri

    def tell(self, books_of: Callable[[Sequence[str]], Sequence[ObjectBooks]]) -> None:
        """One line for each object that is done by now."""
        if not log.isEnabledFor(logging.INFO):
            with self._lock:
                self._under_way.clear()
            return
        while self._tell_some(books_of) == _MOST_AT_ONCE:
            pass

    def _tell_some(self, books_of: Callable[[Sequence[str]], Sequence[ObjectBooks]]) -> int:
        with self._lock:
            asked = list(islice(self._under_way, _MOST_AT_ONCE))
        if not asked:
            return 0
        done = [each for each in books_of(asked) if not each.pending]
        with self._lock:
            ended = [(each, self._under_way.pop(each.object_id)) for each in done if each.object_id in self._under_way]
            if len(asked) == _MOST_AT_ONCE > len(ended):
                # Those that wait for long make room for the others.
                for object_id in asked[: _MOST_AT_ONCE // 2]:
                    if object_id in self._under_way:
                        self._under_way[object_id] = self._under_way.pop(object_id)
        for books, under_way in ended:
            self._tell(books, under_way)
        return len(ended)

    def _tell(self, books: ObjectBooks, under_way: _UnderWay) -> None:
        if under_way.growing and self._told.get(books.object_id) == books.read:
            return
        if under_way.growing:
            self._told[books.object_id] = books.read
        log.info(
            "done: %s",
            self.named(books.object_id, books.uri),
            extra={
                "source": books.source,
                "processed": books.read,
                "written": books.written,
                "duplicates": books.duplicates,
                "rejected": books.rejected,
                "filtered": books.filtered,
                "dead": books.dead,
                "seconds": round(time.monotonic() - under_way.began, 1),
            },
        )
