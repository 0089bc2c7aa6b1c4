"""Where records end: exact, incremental scanning of bytes by the rules of docs/formats.md.

A dialect turns a buffer into *marks*: bytes of the same length in which every record's last byte is LF and no other
byte is, so that split.py finds, counts and cuts records with bytes.count and bytes.rfind, never one by one. Where
no byte of a chunk needs interpretation the marks are the buffer itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

LF = 0x0A
CR = 0x0D
NO_BYTE = -1
"""Stands for a character that the dialect does not have."""


class State(Enum):
    """Of the csv automaton, between two bytes of a record."""

    FRESH = "at a field's start"
    FIELD = "in an unquoted field, or after a closing quote and more"
    QUOTED = "inside quotes"
    CLOSING = "after a quote inside quotes: the end, or the first half of a doubled one"
    START = "at a record's start or behind a comment before it (dialects.py)"
    COMMENT = "in a comment"
    COMMENT_RETURN = "after a CR that ends a comment"
    ESCAPED = "after an escape in an unquoted field"
    QUOTED_ESCAPED = "after an escape inside quotes"
    CLOSED = "after a closing quote that cannot be half of a doubled one"
    BROKEN = "behind a closing quote that neither a delimiter nor a line end follows"


@dataclass(frozen=True)
class Marks:
    """The complete records at a buffer's start: `marks[:end]`.

    `multiline` says that a record may span lines. `overlong` is set when the record that starts at `end` is
    longer than allowed: the automaton's state just past the limit.
    """

    marks: bytes | bytearray
    end: int
    multiline: bool = False
    overlong: State | None = None


class Dialect(Protocol):
    """How a format's records end."""

    line_end: re.Pattern[bytes]

    def count_lines(self, raw: bytes | bytearray) -> int:
        """Line breaks."""
        ...

    def lead(self, buffer: bytearray) -> int:
        """How many bytes at the buffer's start are comments."""
        ...

    def complete(self, buffer: bytearray, ended: bool) -> Marks:
        """The complete records at the start of `buffer`, whose first byte starts a record.

        `ended`: no more bytes will come, so that a CR at the end is a whole line break.
        """
        ...

    def forget(self, count: int) -> None:
        """The first `count` bytes of the buffer were taken away; what follows starts a record."""
        ...


class Lines:
    """ndjson: a record is a line, ended by LF or CRLF."""

    line_end = re.compile(rb"\n")

    def __init__(self, max_record_bytes: int) -> None:
        self._max = max_record_bytes
        self._seen = self._record = 0

    def count_lines(self, raw: bytes | bytearray) -> int:
        return raw.count(b"\n")

    def lead(self, buffer: bytearray) -> int:
        return 0

    def complete(self, buffer: bytearray, ended: bool) -> Marks:
        end = self._record = buffer.rfind(b"\n", self._seen) + 1
        self._seen = len(buffer)
        held = buffer.endswith(b"\r") and not ended
        overlong = State.FIELD if len(buffer) - end - held > self._max else None
        return Marks(buffer, end, overlong=overlong)

    def forget(self, count: int) -> None:
        self._seen = self._seen - count if count == self._record else 0
        self._record = 0


class Csv:
    """csv and tsv: LF, CRLF or a bare CR ends a record, outside quotes; Python's csv module.

    A record in which a closing quote is followed by something else than a delimiter or a line end is only the physical
    line in which it starts, unless `lenient`. `quote`: `"`, or empty where there is none.
    """

    line_end = re.compile(rb"\r\n|\n|\r")
    first = State.FRESH
    """The automaton's state at a record's start."""

    def __init__(self, delimiter: str, max_record_bytes: int, *, quote: str = '"', lenient: bool = False) -> None:
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in quote + "\r\n":
            raise ValueError(f"the delimiter {delimiter!r} is not one ASCII character other than a quote or line break")
        self._max = max_record_bytes
        self._delimiter, self._quote = ord(delimiter), ord(quote) if quote else NO_BYTE
        self._behind_closing = State.FIELD if lenient else State.BROKEN
        escaped = re.escape(delimiter).encode()
        self._field_end = re.compile(rb"[%b\r\n]" % escaped)
        self._between_fields = b'"%b"' % delimiter.encode()
        # Whole records of one line each. Possessive: a field is read once, so time is linear in the bytes.
        plain = rb'(?!")[^%b\r\n]*+' % escaped
        quoted = rb'"[^"\r\n]*+(?:""[^"\r\n]*+)*+"' + (rb"[^%b\r\n]*+" % escaped if lenient else b"")
        field = rb"(?:%b|%b)" % (plain, quoted)
        self._regular = re.compile(rb"(?:%b(?:%b%b)*+(?:\r\n|\n|\r(?!\Z)))*+" % (field, escaped, field))
        self._not_all_quoted = 0
        """Looked at, and found to be otherwise, up to there: once for each buffer."""
        self._seen = 0
        self._record = 0
        self._state = State.FIELD
        """Of the unfinished record that starts at `_record`, reached at `_seen`. Where no quote is open FIELD
        stands for all: the record is scanned from its start once a quote turns up."""
        self._scanned = False
        self._plain = True
        """No quote is open at `_seen`, and no line break is inside quotes before."""
        self._open_until = 0
        """Known from a record that was too long: whoever is inside quotes at a line break before this offset is
        so at this offset. Without it a file of stray quotes would cost the square of its length."""

    def forget(self, count: int) -> None:
        if count == self._record:
            self._seen -= count
        else:
            self._seen, self._state, self._scanned, self._plain = 0, State.FIELD, False, True
        self._record = 0
        self._open_until = max(0, self._open_until - count)

    def complete(self, buffer: bytearray, ended: bool) -> Marks:
        if self._quote == NO_BYTE or (self._plain and buffer.find(b'"', self._seen) < 0):
            return self._unquoted(buffer, ended)
        return self._quoted(buffer, ended)

    def count_lines(self, raw: bytes | bytearray) -> int:
        return count_lines(raw)

    def lead(self, buffer: bytearray) -> int:
        return 0

    def open_at_end(self, buffer: bytearray) -> bool:
        """Does what complete() left over end inside quotes? Remembers it for the lines that follow."""
        if self._state is State.QUOTED:
            self._open_until = len(buffer)
        return self._state is State.QUOTED

    def _unquoted(self, buffer: bytearray, ended: bool) -> Marks:
        usable = len(buffer) - (buffer.endswith(b"\r") and not ended)
        end = max(buffer.rfind(b"\n", self._seen, usable), buffer.rfind(b"\r", self._seen, usable)) + 1
        self._seen, self._record = usable, end
        self._state, self._scanned, self._plain = State.FIELD, False, True
        overlong = None
        if usable - end > self._max:
            overlong, *_ = self.run(buffer, end, end + self._max + 1, State.FRESH)
        return Marks(line_marks(buffer, end), end, overlong=overlong)

    def _quoted(self, buffer: bytearray, ended: bool) -> Marks:
        pieces: list[bytes | bytearray] = []
        record, state, at, multiline = 0, State.FRESH, 0, False
        self._not_all_quoted = 0
        if self._scanned:
            state, at = self._state, self._seen
        while True:
            if at == record:
                at = self._regular_until(buffer, record)
                pieces.append(line_marks(buffer[record:at], at - record))
                record = at
            limit = record + self._max + 1
            state, at, broke = self._record_end(buffer, record, at, min(limit, len(buffer)), state)
            after = after_break(buffer, at, ended) if broke else -1
            if after < 0:
                break
            pieces.append(without_breaks(buffer[record:after])[:-1] + b"\n")
            multiline = multiline or state is not State.BROKEN
            record, at, state = after, after, State.FRESH
        overlong = state if not broke and at >= limit else None
        if overlong is State.QUOTED:
            self._open_until = at
        self._record, self._state, self._seen, self._scanned = record, state, at, True
        self._plain = state is not State.QUOTED and self.line_end.search(buffer, record, at) is None
        return Marks(b"".join(pieces), record, multiline, overlong)

    def _regular_until(self, buffer: bytearray, start: int) -> int:
        """Up to where, from a record's start, no line break is inside quotes."""
        if start >= self._not_all_quoted and buffer.startswith(b'"', start):
            end = buffer.rfind(b'"\n', start) + 2
            if end > start + 2 and self._all_quoted(buffer[start:end]):
                return end
            self._not_all_quoted = end
        regular = self._regular.match(buffer, start)
        return regular.end() if regular else start

    def _all_quoted(self, raw: bytearray) -> bool:
        """Every field quoted, no quote doubled: then no quote and no line break are left between the outermost two
        quotes when `","` and `"LF"` are taken out, each of which leads from inside quotes to inside quotes.
        """
        line_break = b"\r\n" if raw.endswith(b"\r\n") else b"\n"
        left = raw[1 : -1 - len(line_break)].replace(self._between_fields, b"").replace(b'"%b"' % line_break, b"")
        return b'"' not in left and b"\n" not in left and b"\r" not in left

    def _record_end(self, buffer: bytearray, record: int, at: int, limit: int, state: State) -> tuple[State, int, bool]:
        """run(), leaping over what the scan of a record that was too long has told already."""
        if at == record < self._open_until <= limit:
            line = self.line_end.search(buffer, record)
            first = line.end() if line else limit
            if first < self._open_until:
                state, at, broke = self.run(buffer, record, first, state)
                if broke:
                    return state, at, True
                at = self._open_until
        state, at, broke = self.run(buffer, at, limit, state)
        return self._first_line_end(buffer, record, limit) if state is State.BROKEN else (state, at, broke)

    def _first_line_end(self, buffer: bytearray, record: int, limit: int) -> tuple[State, int, bool]:
        """Of a broken record: it is the line in which it starts, whatever the quotes say."""
        found = self.line_end.search(buffer, record, limit)
        return State.BROKEN, found.start() if found else limit, found is not None

    def run(self, buffer: bytearray, at: int, limit: int, state: State) -> tuple[State, int, bool]:
        """The automaton from `at` to the record's line break, to where it is BROKEN, or to `limit`.

        Returns (state, where, at a line break?).
        """
        while at < limit and state is not State.BROKEN:
            if state is State.QUOTED:
                quote = buffer.find(b'"', at, limit)
                if quote < 0:
                    return state, limit, False
                state, at = State.CLOSING, quote + 1
            elif state is State.FIELD:
                found = self._field_end.search(buffer, at, limit)
                if found is None:
                    return state, limit, False
                at = found.start()
                if buffer[at] != self._delimiter:
                    return state, at, True
                state, at = State.FRESH, at + 1
            else:
                byte = buffer[at]
                if byte in (LF, CR):
                    return state, at, True
                state, at = self._next(state, byte), at + 1
        return state, at, False

    def _next(self, state: State, byte: int) -> State:
        """From a field's start, or from a quote that closes unless another follows."""
        if byte == self._quote:
            return State.QUOTED
        if byte == self._delimiter:
            return State.FRESH
        return self._behind_closing if state is State.CLOSING else State.FIELD


_NO_BREAKS = bytes(ord("_") if byte in (LF, CR) else byte for byte in range(256))


def without_breaks(raw: bytearray) -> bytearray:
    """The same with something else in place of CR and LF."""
    return raw.translate(_NO_BREAKS)


def line_marks(buffer: bytearray, end: int) -> bytes | bytearray:
    """Marks of `buffer[:end]` where every line break ends a record."""
    returns = buffer.count(b"\r", 0, end)
    if returns == 0 or returns == buffer.count(b"\r\n", 0, end):
        return buffer
    return buffer[:end].replace(b"\r\n", b"_\n").replace(b"\r", b"\n")


def after_break(buffer: bytearray, at: int, ended: bool) -> int:
    """Where the line break at `at` ends; -1 while a CR at the buffer's end may be half of a CRLF."""
    if buffer[at] == LF:
        return at + 1
    if at + 1 < len(buffer):
        return at + 2 if buffer[at + 1] == LF else at + 1
    return at + 1 if ended else -1


def count_lines(raw: bytes | bytearray) -> int:
    """Line breaks of csv: LF, CRLF and bare CR."""
    returns = raw.count(b"\r")
    return raw.count(b"\n") + (returns - raw.count(b"\r\n") if returns else 0)
