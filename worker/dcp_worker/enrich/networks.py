"""Networks that a process remembers: a database says the same of all addresses of a network.

A batch's addresses are matched against all known networks at once, by Polars, which costs a tenth of asking the
database for each. An address is its number in IPv6, an IPv4 address that in ::/96, as in the tree of an MMDB file. The
table is sorted and never changed, only replaced.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

import polars as pl

from dcp_worker.clean.addresses import IPV4
from dcp_worker.placing import put_at

NUMBER = "number"
_FIRST, _LAST, _EXPIRES, _USED = "first", "last", "expires", "used"
_NUMBERS = pl.UInt128()
_BITS = 128


def numbers_of(addresses: pl.Series, *, ipv6: bool = True) -> pl.Series:
    """The addresses as numbers of 128 bits; null for other text, and for IPv6 where that is not asked for."""
    numbers = quad_numbers(addresses).cast(_NUMBERS).alias(NUMBER)
    if not ipv6 or numbers.null_count() == addresses.null_count():
        return numbers
    places = (numbers.is_null() & addresses.is_not_null()).arg_true()
    others = pl.Series(NUMBER, list(map(_number_of_ipv6, addresses.gather(places).to_list())), dtype=_NUMBERS)
    return put_at(places, others.to_frame(), numbers.to_frame())[NUMBER]


def quad_numbers(addresses: pl.Series) -> pl.Series:
    """Dotted quads as numbers of 32 bits; null for other text."""
    text = pl.col(addresses.name)
    quads = pl.when(text.str.contains(rf"\A{IPV4}\z")).then(text).str.split_exact(".", 3)
    parts = [pl.col(NUMBER).struct.field(f"field_{place}").cast(pl.UInt32) for place in range(4)]
    number = parts[0] * 2**24 + parts[1] * 2**16 + parts[2] * 2**8 + parts[3]
    # In two steps, or Polars would split the texts once for each part.
    return addresses.to_frame().select(quads.alias(NUMBER)).select(number).to_series()


def _number_of_ipv6(address: str) -> int | None:
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, address), "big")
    except (OSError, ValueError):
        return None


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
                _FIRST: _NUMBERS,
                _LAST: _NUMBERS,
                _EXPIRES: pl.Float64,
                _USED: pl.Float64,
                **dict.fromkeys(columns, pl.String),
            }
        )

    def __len__(self) -> int:
        return self._table.height

    def match(self, numbers: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """For each address what is known of its network (`columns`), and whether anything is."""
        now, table = self._clock(), self._table
        if not table.height:
            return table.select(self._columns).clear(len(numbers)), pl.repeat(False, len(numbers), eager=True)
        # The last network that starts at the address or before it; where there is none, the first, which lies after.
        places = table[_FIRST].search_sorted(numbers, side="right").cast(pl.Int64) - 1
        places = places.clip(0, None)
        found = table[places]
        known = found.select(
            (pl.lit(numbers).is_between(_FIRST, _LAST) & (pl.col(_EXPIRES) > now)).fill_null(False)
        ).to_series()
        self._touch(found[_FIRST].filter(known).unique(), now)
        if known.all():
            return found.select(self._columns), known
        return found.select(pl.when(known).then(name).alias(name) for name in self._columns), known

    def learn(self, numbers: Sequence[int], prefix_bits: Sequence[int], found: pl.DataFrame) -> None:
        """Remember the networks around these addresses, of which `found` is known; `prefix_bits` are of 128.

        The least recently used make room.
        """
        now = self._clock()
        sizes = [1 << (_BITS - bits) for bits in prefix_bits]
        firsts = [number // size * size for number, size in zip(numbers, sizes, strict=True)]
        lasts = [first + size - 1 for first, size in zip(firsts, sizes, strict=True)]
        networks = pl.DataFrame(
            [pl.Series(_FIRST, firsts, dtype=_NUMBERS), pl.Series(_LAST, lasts, dtype=_NUMBERS)]
        ).with_columns(
            pl.lit(now + self._ttl_seconds).alias(_EXPIRES), pl.lit(now).alias(_USED), *found.select(self._columns)
        )
        with self._lock:
            table = pl.concat([self._table.filter(pl.col(_EXPIRES) > now), networks]).unique(_FIRST, keep="last")
            self._table = table.top_k(self._size, by=_USED).sort(_FIRST)

    def _touch(self, firsts: pl.Series, now: float) -> None:
        with self._lock:
            if not self._table.height:
                return
            places = self._table[_FIRST].search_sorted(firsts).clip(0, self._table.height - 1)
            still_there = self._table[_FIRST].gather(places) == firsts
            self._table = self._table.with_columns(self._table[_USED].scatter(places.filter(still_there), now))
