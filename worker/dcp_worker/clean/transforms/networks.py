"""Transforms of IP addresses: one spelling, and whether they are in a list of networks. addresses.py has the type."""

from __future__ import annotations

import socket
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_network

import msgspec
import polars as pl

from dcp_pipeline.spec.transforms.listed import Otherwise, Strict
from dcp_pipeline.spec.transforms.networks import InNetworks
from dcp_worker.clean.transforms.change import At, Change, Compiled, each_distinct
from dcp_worker.clean.types.addresses import canonical_address
from dcp_worker.ground.quads import QUAD, quad_numbers

_MAPPED = bytes(10) + b"\xff\xff"

NOT_PUBLIC = (
    # IPv4, IANA's special-purpose registry: those that are not globally reachable, and multicast
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29",
    "192.0.0.8/32", "192.0.0.11/32", "192.0.0.12/30", "192.0.0.16/28", "192.0.0.32/27", "192.0.0.64/26",
    "192.0.0.128/25", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
    # IPv6
    "::/127", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "2002::/16",
    "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)  # fmt: skip


class Ranges(msgspec.Struct, frozen=True):
    """First and last addresses of networks that do not overlap, as numbers, sorted."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    def hold(self, number: int) -> bool:
        place = bisect_right(self.first, number)
        return place > 0 and number <= self.last[place - 1]


class Networks(msgspec.Struct, frozen=True):
    """A list of networks."""

    four: Ranges
    six: Ranges

    @staticmethod
    def of(networks: Iterable[str]) -> Networks:
        """Raises ValueError for what is no network."""
        parsed = [ip_network(each) for each in networks]
        return Networks(
            _ranges(collapse_addresses([each for each in parsed if isinstance(each, IPv4Network)])),
            _ranges(collapse_addresses([each for each in parsed if isinstance(each, IPv6Network)])),
        )

    def holding(self, addresses: pl.Series) -> pl.Series:
        """Whether each address is in one of the networks; null for what is no address. IPv4-mapped IPv6 is IPv4."""
        quads = addresses.str.contains(QUAD).fill_null(False)
        inside = self._holding_quads(quad_numbers(addresses))
        if quads.all():
            return inside.alias(addresses.name)
        others = addresses.filter(~quads).drop_nulls().unique()
        held = pl.Series([self._holds(each) for each in others], dtype=pl.Boolean)
        table = pl.DataFrame({"n": others, "held": held})
        odd = addresses.alias("n").to_frame().join(table, on="n", how="left", maintain_order="left")["held"]
        return inside.zip_with(quads, odd).alias(addresses.name)

    def _holding_quads(self, numbers: pl.Series) -> pl.Series:
        if not self.four.first:
            return pl.repeat(False, len(numbers), dtype=pl.Boolean, eager=True)
        first = pl.Series(self.four.first, dtype=pl.Int64)
        last = pl.Series((-1, *self.four.last), dtype=pl.Int64)
        known = numbers.cast(pl.Int64).fill_null(-1)
        return known <= last.gather(first.search_sorted(known, side="right"))

    def _holds(self, text: str) -> bool | None:
        canonical = canonical_address(text)
        if canonical is None:
            return None
        if ":" not in canonical:
            return self.four.hold(int.from_bytes(socket.inet_aton(canonical), "big"))
        packed = socket.inet_pton(socket.AF_INET6, canonical)
        if packed.startswith(_MAPPED):
            return self.four.hold(int.from_bytes(packed[len(_MAPPED) :], "big"))
        return self.six.hold(int.from_bytes(packed, "big"))


def _ranges(merged: Iterable[IPv4Network | IPv6Network]) -> Ranges:
    """Of networks of one family that collapse_addresses has sorted and merged."""
    bounds = [(int(each.network_address), int(each.broadcast_address)) for each in merged]
    return Ranges(tuple(first for first, _ in bounds), tuple(last for _, last in bounds))


def in_networks(rule: InNetworks, at: At) -> Change:
    return _test(Networks.of(rule.networks), rule.otherwise, negated=False)


def is_public(rule: Strict, at: At) -> Change:
    return _test(Networks.of(NOT_PUBLIC), rule.otherwise, negated=True)


def _test(networks: Networks, otherwise: Otherwise, negated: bool) -> Change:
    words = {True: "false", False: "true"} if negated else {True: "true", False: "false"}

    def tested(texts: pl.Series) -> pl.Series:
        held = networks.holding(texts)
        return held.replace_strict(words, default=None, return_dtype=pl.String)

    return Change(
        lambda text: text.map_batches(tested, return_dtype=pl.String), otherwise, "is not an IPv4 or IPv6 address"
    )


def address(rule: Strict, at: At) -> Change:
    return Change(each_distinct(_spelled, unless=QUAD), rule.otherwise, "is not an IPv4 or IPv6 address")


def _spelled(text: str) -> str | None:
    """The canonical spelling, without blanks, brackets, scope, /32 and /128; IPv4-mapped IPv6 as IPv4."""
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    canonical = canonical_address(bare)
    if canonical is None or not canonical.startswith("::ffff:"):
        return canonical
    mapped = IPv6Address(canonical).ipv4_mapped
    return canonical if mapped is None else str(mapped)


COMPILED: Compiled = {"ip": address, "isPublicIp": is_public, "cidr": in_networks}
