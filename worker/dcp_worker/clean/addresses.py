"""IP addresses to one spelling: dotted quad, or IPv6 in groups, compressed and in lower case.

Most text is canonical already, which one linear pattern tells; only the rest is looked at, each address once.
"""

from __future__ import annotations

import re
import socket
from functools import partial

import polars as pl

from dcp_worker.clean.parsing import Parser
from dcp_worker.clean.transforms.change import changed

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
"""Pattern of a dotted quad, without anchors."""

QUAD = rf"\A{IPV4}\z"
"""Pattern of a text that is one."""

_GROUP = r"[1-9a-f][0-9a-f]{0,3}"


def _groups(count: int) -> str:
    return rf"{_GROUP}(?::{_GROUP}){{{count - 1}}}" if count else ""


def _up_to(most: int) -> str:
    return rf"(?:{_GROUP}(?::{_GROUP}){{0,{most - 1}}})?" if most else ""


# Groups without leading zeros and none that is 0: eight of them, or at most six around one "::".
_IPV6 = "|".join([_groups(8), *(f"{_groups(left)}::{_up_to(6 - left)}" for left in range(7))])
_CANONICAL = rf"\A(?:{IPV4}|{_IPV6})\z"
_IPV4_ONLY = re.compile(IPV4)


def canonical(text: pl.Expr) -> pl.Expr:
    """Addresses in their canonical spelling; null for any other text."""
    return pl.when(text.str.contains(_CANONICAL)).then(text)


def canonical_address(text: str) -> str | None:
    """The canonical spelling of one address, or None. IPv4-mapped IPv6 stays IPv6: ::ffff:c000:201."""
    if ":" not in text:
        quad = text.removesuffix("/32")
        return quad if _IPV4_ONLY.fullmatch(quad) else None
    address = text.removesuffix("/128").partition("%")[0]
    try:
        packed = socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None
    spelled = socket.inet_ntop(socket.AF_INET6, packed)
    if "." in spelled:  # libc writes ::ffff:c000:201 as ::ffff:192.0.2.1, and some write ::1:2 as ::0.1.0.2
        high, low = int.from_bytes(packed[12:14], "big"), int.from_bytes(packed[14:], "big")
        return f"{spelled.rpartition(':')[0]}:{high:x}:{low:x}"
    return spelled


def quad_numbers(addresses: pl.Series) -> pl.Series:
    """Dotted quads as numbers of 32 bits; null for other text."""
    text = pl.col(addresses.name)
    quads = pl.when(text.str.contains(QUAD)).then(text).str.split_exact(".", 3)
    parts = [pl.col("quad").struct.field(f"field_{place}").cast(pl.UInt32) for place in range(4)]
    number = parts[0] * 2**24 + parts[1] * 2**16 + parts[2] * 2**8 + parts[3]
    # In two steps, or Polars would split the texts once for each part.
    return addresses.to_frame().select(quads.alias("quad")).select(number.alias("number")).to_series()


parse_addresses = Parser((canonical,), partial(changed, canonical_address))
"""Addresses in their canonical spelling; null where there is none. A %scope, /32 or /128 is dropped."""
