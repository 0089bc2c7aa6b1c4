"""Strict decoding of a batch; only where that fails, which records are to blame."""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from dcp_worker.formats.records import Fault
from dcp_worker.formats.spans import Span

_ASCII = bytes(range(128))
_ESCAPED = ("iso2022", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "hz", "utf-7")
"""Codecs in which ASCII bytes may mean something else, which decoding each of them once does not show."""
_PLACEHOLDER = b"x"
_GROUP_RECORDS = 256


def check_encoding(name: str, delimiter: str) -> str:
    """Python's name of the codec.

    Raises ValueError where records cannot be cut at bytes in it: not ASCII-compatible, or the delimiter's byte
    may be the second half of a character.
    """
    try:
        codec = codecs.lookup(name).name
        keeps_ascii = not codec.startswith(_ESCAPED) and _ASCII.decode(name) == _ASCII.decode("ascii")
    except LookupError as error:
        raise ValueError(f"{name!r} is not an encoding that Python knows") from error
    except UnicodeError:
        keeps_ascii = False
    if not keeps_ascii:
        raise ValueError(f"{name!r} does not keep ASCII bytes as they are, so records cannot be cut in it")
    if any(_is_second_half(lead, delimiter, name) for lead in range(128, 256)):
        raise ValueError(f"in {name!r} the byte of the delimiter {delimiter!r} may be half of a character")
    return "utf-8" if codec == "utf-8-sig" else codec


def _is_second_half(lead: int, delimiter: str, encoding: str) -> bool:
    try:
        return len(bytes([lead, ord(delimiter)]).decode(encoding)) == 1
    except UnicodeDecodeError:
        return False


def to_utf8(raw: bytes, encoding: str, spans: Sequence[Span]) -> tuple[bytes, tuple[Fault, ...]]:
    """The batch in UTF-8, and a fault for each record that is not of the encoding or holds a NUL.

    A record at fault is replaced, not removed: neither the others' numbers nor their line ends change.
    """
    try:
        text = raw.decode(encoding)
        if b"\0" not in raw:
            return (raw if encoding == "utf-8" else text.encode()), ()
    except UnicodeDecodeError:
        pass
    faults = tuple(_faults(raw, encoding, spans))
    pieces: list[bytes] = []
    kept = 0
    for fault in faults:
        span = spans[fault.index]
        pieces += (raw[kept : span.start], _PLACEHOLDER)
        kept = span.end
    pieces.append(raw[kept:])
    return b"".join(pieces).decode(encoding).encode(), faults


def _faults(raw: bytes, encoding: str, spans: Sequence[Span]) -> Iterator[Fault]:
    for first in range(0, len(spans), _GROUP_RECORDS):
        after = min(first + _GROUP_RECORDS, len(spans))
        index, end = first, spans[after - 1].end
        while index < after:
            start = spans[index].start
            position = _first_fault(raw[start:end], encoding)
            if position is None:
                break
            index = bisect_right(spans, start + position, index, after, key=attrgetter("start")) - 1
            yield Fault(index, "encoding-error", _reason(raw, start + position, spans[index], encoding))
            index += 1


def _first_fault(data: bytes, encoding: str) -> int | None:
    """Where the first byte stands that is not of the encoding, or the first NUL."""
    end: int | None = None
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        end = error.start
    nul = data.find(b"\0", 0, end)
    return nul if nul >= 0 else end


def _reason(raw: bytes, position: int, span: Span, encoding: str) -> str:
    inside = position - span.start
    if raw[position] == 0:
        return f"holds a NUL at position {inside} of the record"
    return f"byte 0x{raw[position]:02x} at position {inside} of the record is not {encoding}"
