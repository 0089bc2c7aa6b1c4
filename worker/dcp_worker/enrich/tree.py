"""The search tree of an MMDB file, walked by all addresses of a batch at once.

To ask the library for each address costs ten times as much: it goes down the tree and makes the record anew each time,
and a database has far fewer records than addresses. So the tree says in which place an address's record lies, and the
library is asked once for each place (geoip.py).

The format is "Binary Search Tree Section" of https://maxmind.github.io/MaxMind-DB/: a node is two numbers, and the
next bit of the address chooses one; below the count of nodes it is another node, the count itself is "nothing is
known", and above it is the place of a record. An IPv4 address is the last 32 bits of one in ::/96.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import maxminddb
import msgspec
import polars as pl
from maxminddb.reader import Metadata
from msgspec.structs import replace

from dcp_worker.ground.quads import quad_numbers

PLACE = "place"
MOST_TREE_BYTES = 1 << 30
_GROUP_BITS = 16
_GROUP = 1 << _GROUP_BITS
_BITS = tuple(pl.Series([1 << place], dtype=pl.UInt32) for place in reversed(range(_GROUP_BITS)))
_NOTHING = pl.Series([0], dtype=pl.UInt32)
_IPV4_DEPTH = 96
_HIGH, _LOW = bytes(each >> 4 for each in range(256)), bytes(each & 15 for each in range(256))


class SearchTree(msgspec.Struct, frozen=True):
    """The two numbers of each node, by the next bit of an address. `count` is how many nodes there are, in a Series of
    one, which Polars takes far more quickly than a number."""

    numbers_of_0: pl.Series
    numbers_of_1: pl.Series
    count: pl.Series
    roots: pl.Series
    """Where dotted quads stand after their first two bytes, for each of these."""
    has_ipv6: bool

    @staticmethod
    def read(path: Path, metadata: Metadata) -> SearchTree:
        """The tree at the beginning of a file.

        Raises InvalidDatabaseError where the file is too short for it, OSError.
        """
        size = metadata.node_count * metadata.record_size // 4
        if size > MOST_TREE_BYTES:  # what it says of itself may be any number, and is asked for five times over
            raise maxminddb.InvalidDatabaseError(
                f"its search tree has {size:,} bytes; at most {MOST_TREE_BYTES:,} are read"
            )
        with path.open("rb") as file:
            content = file.read(size)
        if len(content) < size:
            raise maxminddb.InvalidDatabaseError(f"its search tree has {len(content)} bytes of {size}")
        numbers = numbers_of(content, metadata.record_size)
        top = pl.Series([0], dtype=pl.UInt32)
        count = pl.Series([metadata.node_count], dtype=pl.UInt32)
        tree = SearchTree(numbers.gather_every(2), numbers.gather_every(2, 1), count, top, metadata.ip_version == 6)
        for _ in range(_IPV4_DEPTH // _GROUP_BITS if tree.has_ipv6 else 0):
            top = tree._walked(top, _NOTHING)
        firsts = pl.int_range(_GROUP, dtype=pl.UInt32, eager=True)
        return replace(tree, roots=tree._walked(top.new_from_index(0, len(firsts)), firsts))

    def places(self, addresses: pl.Series) -> pl.Series:
        """For each address the place of its record (UInt32, PLACE): equal where the record is. Null where the database
        knows nothing, and for other text."""
        quads = quad_numbers(addresses)
        places = self._walked(self.roots[quads // _GROUP], quads % _GROUP)
        if self.has_ipv6 and quads.null_count() > addresses.null_count():
            others = (quads.is_null() & addresses.is_not_null()).arg_true()
            places = places.scatter(others, self._places_of_ipv6(addresses.gather(others)))
        return places.to_frame(PLACE).select(pl.when(pl.col(PLACE) != self.count.item()).then(PLACE)).to_series()

    def _places_of_ipv6(self, addresses: pl.Series) -> pl.Series:
        groups = pl.DataFrame(
            list(map(_groups, addresses.to_list())), [(str(each), pl.UInt32) for each in range(8)], orient="row"
        )
        places = groups["0"] * 0  # the root; null where there is no address
        for group in groups:
            places = self._walked(places, group)
        return places

    def _walked(self, places: pl.Series, groups: pl.Series) -> pl.Series:
        """Where they come to by the next 16 bits."""
        for bit in _BITS:
            on_the_way = places < self.count
            if not on_the_way.any():
                break
            nodes = places.zip_with(on_the_way, _NOTHING)
            chosen = self.numbers_of_1[nodes].zip_with((groups & bit) > _NOTHING, self.numbers_of_0[nodes])
            places = chosen.zip_with(on_the_way, places)
        return places


def numbers_of(tree: bytes, bits: int) -> pl.Series:
    """The numbers of a tree's nodes. Of 28 bits, the highest four of both are in the byte between them."""
    count = len(tree) * 4 // bits * 2
    if bits == 24:
        wide = bytearray(4 * count)
        for place in range(3):
            wide[place + 1 :: 4] = tree[place::3]
    elif bits == 28:
        wide = bytearray(4 * count)
        wide[0::8], wide[4::8] = tree[3::7].translate(_HIGH), tree[3::7].translate(_LOW)
        for place in range(3):
            wide[place + 1 :: 8], wide[place + 5 :: 8] = tree[place::7], tree[place + 4 :: 7]
    else:
        wide = bytearray(tree)
    numbers = pl.Series([bytes(wide)]).bin.reinterpret(dtype=pl.Array(pl.UInt32, count), endianness="big")
    return numbers.explode()


def _groups(address: str) -> tuple[int | None, ...]:
    try:
        return struct.unpack(">8H", socket.inet_pton(socket.AF_INET6, address))
    except (OSError, ValueError):
        return (None,) * 8
