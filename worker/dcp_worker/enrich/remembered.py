"""Records that a process remembers, by their place in the database: those used least recently make room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import polars as pl

from dcp_worker.enrich.tree import PLACE

_EXPIRES, _USED = "expires", "used"


class RecordCache:
    """At most `size` records, each for `ttl_seconds`. Thread-safe: the table is sorted and never changed, only
    replaced.

    `columns` are the names of what is known of a record, all String.
    """

    def __init__(
        self, columns: Sequence[str], size: int, ttl_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._columns, self._size, self._ttl_seconds, self._clock = list(columns), size, ttl_seconds, clock
        self._lock = threading.Lock()
        texts = dict.fromkeys(columns, pl.String)
        self._table = pl.DataFrame(schema={PLACE: pl.UInt32, _EXPIRES: pl.Float64, _USED: pl.Float64, **texts})

    def __len__(self) -> int:
        return self._table.height

    def match(self, places: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """For each place what is known of its record (`columns`), and whether anything is."""
        now, table = self._clock(), self._table
        if not table.height:
            return table.select(self._columns).clear(len(places)), pl.repeat(False, len(places), eager=True)
        found = table[_rows_of(places, table)]
        known = ((found[PLACE] == places) & (found[_EXPIRES] > now)).fill_null(False)
        self._touch(found[PLACE].filter(known).unique(), now)
        return found.select(pl.when(known).then(name).alias(name) for name in self._columns), known

    def learn(self, places: pl.Series, found: pl.DataFrame) -> None:
        """Remember the records of these places, of which `found` is known. The least recently used make room."""
        now = self._clock()
        expires, used = pl.lit(now + self._ttl_seconds).alias(_EXPIRES), pl.lit(now).alias(_USED)
        records = places.to_frame(PLACE).select(PLACE, expires, used, *found.select(self._columns))
        with self._lock:
            table = pl.concat([self._table.filter(pl.col(_EXPIRES) > now), records]).unique(PLACE, keep="last")
            self._table = table.top_k(self._size, by=_USED).sort(PLACE)

    def _touch(self, places: pl.Series, now: float) -> None:
        with self._lock:
            if not self._table.height:
                return
            rows = _rows_of(places, self._table)
            still_there = self._table[PLACE].gather(rows) == places
            self._table = self._table.with_columns(self._table[_USED].scatter(rows.filter(still_there), now))


def _rows_of(places: pl.Series, table: pl.DataFrame) -> pl.Series:
    """The rows where these places stand, if they do."""
    return table[PLACE].search_sorted(places).clip(0, table.height - 1)
