"""Which bytes of the whole an answer brings, and whether it tells where the whole ends (RFC 9110, 14.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclass(frozen=True)
class Extent:
    """An answer's place in the whole.

    `total` is the whole's length where it is told; `framed`: a length or chunks show where the answer itself ends.
    Otherwise it ends with the connection, which looks the same when a server dies in the middle.
    """

    start: int
    total: int | None
    framed: bool
    partial: bool

    def ends_at(self, offset: int) -> bool:
        """Is the whole known to end at this byte, behind which the answer has no more?"""
        if self.total is not None:
            return offset >= self.total
        return self.framed and not self.partial


def extent_of(status: int, headers: Mapping[str, str]) -> Extent | None:
    """The extent of an answer with 200 or 206; None where it does not say what it brings, or is no such answer."""
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    length = headers.get("Content-Length", "").strip()
    counted = length.isascii() and length.isdigit() and not chunked
    framed = chunked or counted
    if status == 200:
        return Extent(0, int(length) if counted else None, framed, partial=False)
    if status != 206 or headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return None
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        return None
    first, last, total = int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])
    if last < first or (total is not None and last >= total):
        return None
    return Extent(first, total, framed, partial=True)
