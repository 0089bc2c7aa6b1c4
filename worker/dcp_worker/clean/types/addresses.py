"""IP addresses to one spelling: dotted quad, or IPv6 in groups, compressed and in lower case.

Most text is canonical already, which one linear pattern tells; only the rest is looked at, each address once.
"""

from __future__ import annotations

import re
import socket
from functools import partial

import polars as pl

from dcp_worker.clean.transforms.change import changed
from dcp_worker.clean.types.parsing import Parser
from dcp_worker.ground.quads import IPV4

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


parse_addresses = Parser((canonical,), partial(changed, canonical_address))
"""Addresses in their canonical spelling; null where there is none. A %scope, /32 or /128 is dropped."""
