"""Networks of IPv4 that a process remembers: a database says the same of all addresses of a network.

A batch's addresses are matched against all known networks at once, by Polars, which costs a tenth of asking the
database for each. The table is sorted and never changed, only replaced.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import polars as pl

NUMBER = "number"
_FIRST, _LAST, _EXPIRES, _USED = "first", "last", "expires", "used"


def number_of(address: pl.Expr) -> pl.Expr:
    """Dotted quads as numbers."""
    parts = address.str.split_exact(".", 3).struct
    return sum(
        (parts.field(f"field_{place}").cast(pl.Int64) * 256 ** (3 - place) for place in range(4)), start=pl.lit(0)
    )


class NetworkCache:
    """At most `size` networks, each for `ttl_seconds`; those used least recently go first. Thread-safe.

    `columns` are the names of what is known of a network, all String.
    """

    def __init__(
        self, columns: Sequence[str], size: int, ttl_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._columns, self._size, self._ttl_seconds, self._clock = list(columns), size, ttl_seconds, clock
        self._lock = threading.Lock()
        self._table = pl.DataFrame(
            schema={
                _FIRST: pl.Int64,
                _LAST: pl.Int64,
                _EXPIRES: pl.Float64,
                _USED: pl.Float64,
                **dict.fromkeys(columns, pl.String),
            }
        )

    def __len__(self) -> int:
        return self._table.height

    def match(self, numbered: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows whose NUMBER is in a known network, with what is known of it; and the other rows."""
        now, table = self._clock(), self._table
        joined = numbered.sort(NUMBER).join_asof(
            table.drop(_USED), left_on=NUMBER, right_on=_FIRST, coalesce=False, check_sortedness=False
        )
        known = (pl.col(NUMBER) <= pl.col(_LAST)) & (pl.col(_EXPIRES) > now)
        hits = joined.filter(known)
        if hits.height:
            self._touch(hits[_FIRST].unique(), now)
        others = joined.filter(known.fill_null(False).not_()) if hits.height < joined.height else joined.clear()
        return hits.select(*numbered.columns, *self._columns), others.select(numbered.columns)

    def learn(self, found: pl.DataFrame, prefix_lengths: Sequence[int]) -> None:
        """Remember the networks of `found`, which has NUMBER and the columns; the least recently used make room."""
        now = self._clock()
        size = pl.lit(2).pow(32 - pl.Series(prefix_lengths, dtype=pl.Int64))
        networks = found.with_columns((pl.col(NUMBER) // size * size).alias(_FIRST)).select(
            _FIRST,
            (pl.col(_FIRST) + size - 1).alias(_LAST),
            pl.lit(now + self._ttl_seconds).alias(_EXPIRES),
            pl.lit(now).alias(_USED),
            *self._columns,
        )
        with self._lock:
            table = pl.concat([self._table.filter(pl.col(_EXPIRES) > now), networks]).unique(_FIRST, keep="last")
            self._table = table.top_k(self._size, by=_USED).sort(_FIRST)

    def _touch(self, firsts: pl.Series, now: float) -> None:
        with self._lock:
            used = pl.when(pl.col(_FIRST).is_in(firsts.to_list())).then(now).otherwise(_USED)
            self._table = self._table.with_columns(used.alias(_USED))
