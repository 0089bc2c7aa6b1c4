"""Strict decoding of a batch; only where that fails, which records are to blame."""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from dcp_worker.formats.records import Fault
from dcp_worker.formats.spans import Span, Spans

_ASCII = bytes(range(128))
_ESCAPED = ("iso2022", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "hz", "utf-7")
"""Codecs in which ASCII bytes may mean something else, which decoding each of them once does not show."""
MARK = "\ufeff"
"""The byte order mark; in the middle of a file it is where another one was put behind."""
_MARK = MARK.encode()
_PLACEHOLDER = b"x"
_WINDOW_BYTES = 64 * 1024


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
    if may_be_half(delimiter, name):
        raise ValueError(f"in {name!r} the byte of the delimiter {delimiter!r} may be half of a character")
    return "utf-8" if codec == "utf-8-sig" else codec


def may_be_half(char: str, encoding: str) -> bool:
    """Whether its byte may be the second half of a character: then it cannot be told where it is one itself."""
    return any(_is_second_half(lead, char, encoding) for lead in range(128, 256))


def _is_second_half(lead: int, delimiter: str, encoding: str) -> bool:
    try:
        return len(bytes([lead, ord(delimiter)]).decode(encoding)) == 1
    except UnicodeDecodeError:
        return False


def to_utf8(raw: bytes, encoding: str, spans: Sequence[Span]) -> tuple[bytes, tuple[Fault, ...]]:
    """The batch in UTF-8, and a fault for each record that is not of the encoding or holds a NUL.

    A record at fault is replaced, not removed: neither the others' numbers nor their line ends change.
    """
    if b"\0" not in raw:
        try:
            text = raw.decode(encoding)
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
    good = b"".join(pieces)
    return (good if encoding == "utf-8" else good.decode(encoding).encode()), faults


def marked_records(raw: bytes, spans: Sequence[Span], encoding: str) -> list[int]:
    """The records that begin with a byte order mark."""
    # Its first byte alone is looked for fifty times as fast, and in most languages stands nowhere.
    if encoding != "utf-8" or _MARK[0] not in raw or _MARK not in raw:
        return []
    starts = spans.starts if isinstance(spans, Spans) else [span.start for span in spans]
    return [index for index, start in enumerate(starts) if raw.startswith(_MARK, start)]


def _faults(raw: bytes, encoding: str, spans: Sequence[Span]) -> Iterator[Fault]:
    view, index = memoryview(raw), 0
    starts = spans.starts if isinstance(spans, Spans) else [span.start for span in spans]
    while index < len(starts):
        # A window ends with a record, so that it cuts no character.
        after = bisect_right(starts, starts[index] + _WINDOW_BYTES, index + 1)
        end = starts[after] if after < len(starts) else len(raw)
        position = _first_fault(raw, view, starts[index], end, encoding)
        if position is None:
            index = after
            continue
        index = bisect_right(starts, position, index, after) - 1
        yield Fault(index, "encoding-error", _reason(raw, position, spans[index], encoding))
        index += 1


def _first_fault(raw: bytes, view: memoryview, start: int, end: int, encoding: str) -> int | None:
    """Where the first byte stands that is not of the encoding, or the first NUL."""
    try:
        str(view[start:end], encoding)
    except UnicodeDecodeError as error:
        end = start + error.start
        nul = raw.find(0, start, end)
        return nul if nul >= 0 else end
    nul = raw.find(0, start, end)
    return nul if nul >= 0 else None


def _reason(raw: bytes, position: int, span: Span, encoding: str) -> str:
    inside = position - span.start
    if raw[position] == 0:
        return f"holds a NUL at position {inside} of the record"
    return f"byte 0x{raw[position]:02x} at position {inside} of the record is not {encoding}"
