"""The first record of a csv: byte order mark, blank lines, labels."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass

from dcp_fetcher.errors import DamagedError
from dcp_fetcher.marks import CR, LF, Csv, State, after_break, count_lines
from dcp_pipeline.spec.model import Format

BOM = b"\xef\xbb\xbf"


class HeaderError(DamagedError):
    """The first record cannot be a header."""


@dataclass(frozen=True)
class Header:
    """`labels` is None where the object ended before one. `end` and `lines` count everything up to the first record."""

    labels: tuple[str, ...] | None
    end: int
    lines: int


def read_header(buffer: bytearray, form: Format, ended: bool) -> Header | None:
    """The header at the buffer's start; None until enough bytes are there.

    Raises HeaderError where it is longer than a record may be, a quote in it is never closed, or it is no text.
    """
    if bytes(buffer[:2]) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise HeaderError("it starts with the byte order mark of UTF-16: convert it to utf-8 first")
    start = _first_line(buffer, ended)
    if start is None:
        return None
    if start == len(buffer):
        return Header(None, start, count_lines(bytes(buffer))) if ended else None
    delimiter = form.delimiter or ("\t" if form.type == "tsv" else ",")
    most = form.max_record_bytes.bytes
    limit = start + most + 1
    state, at, broke = Csv(delimiter, most).run(buffer, start, min(limit, len(buffer)), State.FRESH)
    if not broke and at >= limit:
        raise HeaderError(f"the header is longer than maxRecordBytes ({most}): is the format right?")
    if not broke and not ended:
        return None
    if not broke and state is State.QUOTED:
        raise HeaderError("the header has a quote that is never closed")
    end = after_break(buffer, at, ended) if broke else at
    if end < 0:
        return None
    if b"\0" in buffer[start:at]:
        raise HeaderError("the header holds NUL bytes: this is no text in the declared encoding")
    lines = count_lines(bytes(buffer[:end])) + (not broke)
    return Header(_labels(bytes(buffer[start:at]), delimiter, form.encoding), end, lines)


def _first_line(buffer: bytearray, ended: bool) -> int | None:
    """Behind byte order mark and blank lines; None where that cannot be told yet."""
    if not ended and len(buffer) < len(BOM) and BOM.startswith(bytes(buffer)):
        return None
    at = len(BOM) if buffer.startswith(BOM) else 0
    while at < len(buffer) and buffer[at] in (LF, CR):
        after = after_break(buffer, at, ended)
        if after < 0:
            return None
        at = after
    return at


def _labels(raw: bytes, delimiter: str, encoding: str) -> tuple[str, ...]:
    """Bad bytes in a label become U+FFFD: the other columns can still be read by their labels."""
    text = raw.decode(encoding, errors="replace")
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise HeaderError(f"the header cannot be read: {error}") from error
    return tuple(cell.strip() for cell in cells)
