"""What stands before the first record of a csv: byte order mark, skipped lines, comments, labels."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace

from dcp_fetcher.cutting.dialects import dialect_of
from dcp_fetcher.cutting.labels_read import HeaderError as HeaderError
from dcp_fetcher.cutting.labels_read import are_names, is_told, labels_in_comment, labels_of
from dcp_fetcher.cutting.marks import CR, LF, Csv, State, after_break, count_lines
from dcp_pipeline.spec.words.format import Format

BOM = b"\xef\xbb\xbf"
_LONGEST_PREAMBLE_BYTES = 8 << 20


@dataclass(frozen=True)
class Header:
    """`labels` is None where the object ended before one. `end` and `lines` count everything up to the first record."""

    labels: tuple[str, ...] | None
    end: int
    lines: int


@dataclass(frozen=True)
class _Preamble:
    """What does not count. `comment` is the last one that says that it has labels, or else that has a delimiter."""

    end: int
    comment: bytes | None = None


def read_header(buffer: bytearray, form: Format, ended: bool) -> Header | None:
    """The header at the buffer's start; None until enough bytes are there.

    Raises HeaderError where it is longer than a record may be, a quote in it is never closed, or it is no text.
    """
    if bytes(buffer[:2]) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise HeaderError("it starts with the byte order mark of UTF-16: set format.encoding to utf-16 or auto")
    preamble = _preamble(buffer, form, ended)
    if preamble is None:
        if len(buffer) > _LONGEST_PREAMBLE_BYTES:
            raise HeaderError(f"there is no record in the first {len(buffer)} bytes: is the format right?")
        return None
    start, lines = preamble.end, count_lines(bytes(buffer[: preamble.end]))
    if not form.delimited:
        return Header(None, start, lines)
    if form.commented_header and preamble.comment is not None:
        return Header(labels_in_comment(preamble.comment, form), start, lines)
    if form.labels:
        return Header(form.labels, start, lines)
    if start == len(buffer):
        return Header(None, start, lines) if ended else None
    return _first_record(buffer, start, form, ended)


def _first_record(buffer: bytearray, start: int, form: Format, ended: bool) -> Header | None:
    """The labels that stand in the first record, or, without header, one for each of its cells."""
    dialect = dialect_of(form)
    assert isinstance(dialect, Csv)
    most = form.max_record_bytes.bytes
    first = start if form.header else _behind_blank_lines(buffer, start)
    limit = first + most + 1
    state, at, broke = dialect.run(buffer, first, min(limit, len(buffer)), State.FRESH)
    what = "header" if form.header else "first record"
    if state is State.BROKEN:
        return _numbered_by_the_next(buffer, start, form, ended)
    if not broke and at >= limit:
        raise HeaderError(f"the {what} is longer than maxRecordBytes ({most}): is the format right?")
    if not broke and not ended:
        return None
    if not broke and state in (State.QUOTED, State.QUOTED_ESCAPED):
        raise HeaderError(f"the {what} has a quote that is never closed")
    end = after_break(buffer, at, ended) if broke else at
    if end < 0:
        return None
    if b"\0" in buffer[first:at]:
        raise HeaderError(f"the {what} holds NUL bytes: this is no text in the declared encoding")
    labels = labels_of(bytes(buffer[first:at]), form)
    if form.commented_header and not are_names(labels):
        behind = f"starts with {form.header_prefix!r}" if form.header_prefix else f"has a {form.separator!r} in it"
        raise HeaderError(
            f"no comment before the first record {behind}, so none has labels, and the first record has values: "
            f"{', '.join(labels)[:200]}"
        )
    if form.header:
        return Header(labels, end, count_lines(bytes(buffer[:end])) + (not broke))
    numbered = tuple(f"col{number + 1}" for number in range(max(1, len(labels))))
    return Header(numbered, start, count_lines(bytes(buffer[:start])))


def _numbered_by_the_next(buffer: bytearray, start: int, form: Format, ended: bool) -> Header | None:
    """A line that cannot be taken apart is no header; where there is none, the next record has as many cells."""
    if form.header:
        raise HeaderError(
            "in the header neither a delimiter nor a line end follows a closing quote: is the format right? "
            "format.lenientQuotes reads it all the same"
        )
    after = _after_line(buffer, start, ended)
    if after < 0:
        return None
    if after == len(buffer):
        return Header(("col1",), start, count_lines(bytes(buffer[:start]))) if ended else None
    found = _first_record(buffer, after, form, ended)
    return replace(found, end=start, lines=count_lines(bytes(buffer[:start]))) if found else None


def _preamble(buffer: bytearray, form: Format, ended: bool) -> _Preamble | None:
    """Byte order mark, skipped lines, comments and, before a header, blank lines; None where its end is not there."""
    at = 0
    while buffer.startswith(BOM, at):  # some programs write it twice
        at += len(BOM)
    if not ended and BOM.startswith(bytes(buffer[at : at + len(BOM)])):
        return None
    for _ in range(form.skip_rows):
        after = _after_line(buffer, at, ended)
        if after < 0:
            return None
        at = after
    if not form.delimited:
        return _Preamble(at)
    comment, told = None, False
    mark = ord(form.comment_char) if form.comment_char else -1
    while at < len(buffer):
        if buffer[at] != mark and not (form.header and buffer[at] in (LF, CR)):
            return _Preamble(at, comment)
        after = _after_line(buffer, at, ended)
        if after < 0:
            return None
        if buffer[at] == mark and form.commented_header:
            line = bytes(buffer[at:after])
            told = (here := is_told(line, form)) or told
            comment = line if here or (not told and labels_in_comment(line, form)) else comment
        at = after
    return _Preamble(at, comment) if ended else None


def _behind_blank_lines(buffer: bytearray, start: int) -> int:
    """Where the first line begins that is not empty: it has the cells by which columns are numbered."""
    while start < len(buffer) and buffer[start] in (LF, CR):
        start += 1
    return start


def _after_line(buffer: bytearray, at: int, ended: bool) -> int:
    """Behind the line at `at`; -1 where its end is not there yet."""
    found = Csv.line_end.search(buffer, at)
    if found is None:
        return len(buffer) if ended else -1
    return after_break(buffer, found.start(), ended)
