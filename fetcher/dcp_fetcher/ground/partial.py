"""Is this all? What an answer itself says of more that is not in it. Pure.

For listings, and for JSON documents that hold records. listing.py reads the next page's URL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

NEXTS = ("next", "nextpage", "nexturl", "nextlink", "@odata.nextlink")
"""Keys of the next page; compared in lower case, without - and _."""
_TOKENS = ("nexttoken", "nextpagetoken", "continuationtoken", "nextcontinuationtoken", "nextcursor", "nextmarker")
_FLAGS = ("istruncated", "truncated", "hasmore", "hasnext", "hasnextpage", "incompleteresults")
_COUNTS = ("totalcount", "totalitems", "totalresults", "totalrecords", "totalhits")
_PAGED = (
    "limit", "offset", "skip", "page", "perpage", "pagesize", "pagenumber", "currentpage", "totalpages", "start",
    "startindex",
)  # fmt: skip
"""Keys that stand beside `total` where it counts records, and is no sum of money."""
_KEPT_BYTES = 64 * 1024
_PARENTS = ("links", "paging", "pagination", "pageinfo", "meta", "metadata")


def spelt(key: object) -> str:
    """A key however it is spelt."""
    return str(key).lower().replace("_", "").replace("-", "")


def more_said(document: object) -> str | None:
    """Where a JSON document says that there is more than it holds, in words without values; else None."""
    if not isinstance(document, Mapping):
        return None
    for path, key, value in _marks(document):
        if key in NEXTS + _TOKENS and _is_there(value):
            return f"its {path} names what comes next"
        if key in _FLAGS and (value is True or str(value).lower() == "true"):
            return f"its {path} is true"
    return None


def total_said(document: object) -> int | None:
    """How many there are in all, where a document says it."""
    if not isinstance(document, Mapping):
        return None
    totals = [value for _, key, value in _marks(document) if key in _COUNTS and type(value) is int]
    around = [document, *(value for key, value in document.items() if spelt(key) in _PARENTS)]
    for each in (each for each in around if isinstance(each, Mapping)):
        keys = {spelt(key): value for key, value in each.items()}
        if not keys.keys().isdisjoint(_PAGED) and type(keys.get("total")) is int:
            totals.append(keys["total"])
    return max([*totals, *_hits(document)], default=None)


def more_counted(document: object, held: int) -> str | None:
    """Where a document counts more records than it holds, in words; else None."""
    total = total_said(document)
    return f"it counts {total} records and holds {held}" if total is not None and total > held else None


def _hits(document: Mapping[Any, Any]) -> Iterator[int]:
    """Elasticsearch's count, in its two shapes."""
    hits = document.get("hits")
    total = hits.get("total") if isinstance(hits, Mapping) else None
    value = total.get("value") if isinstance(total, Mapping) else total
    if type(value) is int:
        yield value


def only_a_part(more: str) -> str:
    """What is wrong with an object that is read and is not all."""
    return (
        f"it is only a part: {more}; what is in it is read, what follows is not. Name a URL that gives all at once, or "
        "say partial: accept at the source where this part is what you want"
    )


class Around:
    """What stands around the array of a JSON document, as far as it is short enough to be kept."""

    def __init__(self) -> None:
        self._before, self._behind = bytearray(), bytearray()

    def before(self, data: bytes) -> None:
        """Bytes up to and with the array's bracket."""
        self._before += data[: max(0, _KEPT_BYTES - len(self._before))]

    def behind(self, data: bytes) -> None:
        """Bytes behind the bracket that closes it."""
        self._behind += data[: max(0, _KEPT_BYTES - len(self._behind))]

    def document(self, closing: bytes = b"]") -> object:
        """The document without the array's elements; None where it cannot be read."""
        try:
            return json.loads((bytes(self._before) + closing + bytes(self._behind)).decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            return None


def _marks(document: Mapping[Any, Any]) -> Iterator[tuple[str, str, Any]]:
    """(the path, the key in its plain spelling, the value) wherever such a mark may stand."""
    for name, value in document.items():
        yield f"{name!s:.60}", spelt(name), value
        if spelt(name) in _PARENTS and isinstance(value, Mapping):
            yield from ((f"{name!s:.60}.{inner!s:.60}", spelt(inner), each) for inner, each in value.items())
        if spelt(name) in _PARENTS and isinstance(value, list):
            links = [each for each in value if isinstance(each, Mapping) and each.get("rel") == "next"]
            yield from ((f"{name!s:.60}[rel=next]", "next", each.get("href")) for each in links)


def _is_there(value: object) -> bool:
    """Whether it names anything: the number of a page, a token, a URL, an object that holds one."""
    if isinstance(value, Mapping):
        return any(_is_there(each) for each in value.values())
    return isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", 0)
