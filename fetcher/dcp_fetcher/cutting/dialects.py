"""Where records end in csv with other words than RFC 4180's: quotes, escapes, blanks, and comments between records.

A comment belongs to the range of the record behind it; comments behind the last record are in no range. Batches
without a comment and with plain quotes are left to marks.py, which is quicker. Python's csv module is the model.
"""

from __future__ import annotations

import re

from dcp_fetcher.cutting.marks import CR, LF, NO_BYTE, Csv, Dialect, Lines, Marks, State, after_break, without_breaks
from dcp_pipeline.spec.words.format import Format

_BLANK = 0x20
_BREAKABLE = (State.FRESH, State.FIELD, State.CLOSING, State.CLOSED)
"""At a line break the record ends."""


class OddCsv(Csv):
    """A csv dialect."""

    first = State.START

    def __init__(self, form: Format) -> None:
        super().__init__(form.separator, form.max_record_bytes.bytes, quote=form.quote, lenient=form.lenient_quotes)
        self._escape = ord(form.escape_char) if form.escape_char else NO_BYTE
        self._comment = ord(form.comment_char) if form.comment_char else NO_BYTE
        self._doubled, self._blanks = form.double_quote, form.skip_initial_space
        self._quick = form.plain_quotes
        self._comment_line = re.compile(rb"(?:\A|[\r\n])%b" % re.escape((form.comment_char or "").encode()))
        self._field_stop = _any_of(form.separator, "\r\n", form.escape_char or "")
        self._quoted_stop = _any_of(form.quote or '"', form.escape_char or "")
        self._behind_single = State.FIELD if form.lenient_quotes else State.CLOSED
        self._slow = False

    def forget(self, count: int) -> None:
        """As in Csv."""
        self._slow = self._slow and count == self._record
        super().forget(count)

    def complete(self, buffer: bytearray, ended: bool) -> Marks:
        """As in Csv."""
        slow = not self._quick or (self._comment != NO_BYTE and self._comment_line.search(buffer) is not None)
        if slow != self._slow:
            self._seen, self._state, self._scanned, self._plain = 0, State.FIELD, False, True
            self._slow = slow
        return self._stepwise(buffer, ended) if slow else super().complete(buffer, ended)

    def open_at_end(self, buffer: bytearray) -> bool:
        """As in Csv."""
        if self._escape != NO_BYTE:  # a line break may be escaped outside quotes: nothing is remembered
            return self._state in (State.QUOTED, State.QUOTED_ESCAPED)
        return super().open_at_end(buffer)

    def lead(self, buffer: bytearray) -> int:
        """How many bytes of comments stand before the record at the buffer's start; all, where there is no record."""
        return self._behind_comments(buffer, 0)

    def _behind_comments(self, buffer: bytearray, at: int) -> int:
        while at < len(buffer) and buffer[at] == self._comment:
            found = self.line_end.search(buffer, at)
            at = after_break(buffer, found.start(), ended=True) if found else len(buffer)
        return at

    def _stepwise(self, buffer: bytearray, ended: bool) -> Marks:
        pieces: list[bytes | bytearray] = []
        record, state, at = 0, State.START, 0
        if self._scanned:
            state, at = self._state, self._seen
        while True:
            limit = record + self._max + 1
            state, at, broke = self._record_end(buffer, record, at, min(limit, len(buffer)), state)
            after = after_break(buffer, at, ended) if broke else -1
            if after < 0:
                break
            pieces.append(without_breaks(buffer[record:after])[:-1] + b"\n")
            record, at, state = after, after, State.START
        overlong = state if not broke and at >= limit else None
        if overlong is State.QUOTED:
            self._open_until = 0 if self._escape != NO_BYTE else at
        self._record, self._state, self._seen, self._scanned = record, state, at, True
        return Marks(b"".join(pieces), record, True, overlong)

    def _record_end(self, buffer: bytearray, record: int, at: int, limit: int, state: State) -> tuple[State, int, bool]:
        """As in Csv, which leaps from a line break: here from one in the record, not in the comments before it."""
        if at == record < self._open_until:
            behind = self._behind_comments(buffer, at)
            if behind < limit:
                return super()._record_end(buffer, behind, behind, limit, state)
        state, at, broke = self.run(buffer, at, limit, state)
        return self._first_line_end(buffer, record, limit) if state is State.BROKEN else (state, at, broke)

    def _first_line_end(self, buffer: bytearray, record: int, limit: int) -> tuple[State, int, bool]:
        """As in Csv, of the first line behind the comments."""
        return super()._first_line_end(buffer, self._behind_comments(buffer, record), limit)

    def run(self, buffer: bytearray, at: int, limit: int, state: State) -> tuple[State, int, bool]:
        """As in Csv, with the states of comments and escapes."""
        while at < limit and state is not State.BROKEN:
            if state in (State.QUOTED, State.FIELD, State.COMMENT):
                stop = self._stop_of(state).search(buffer, at, limit)
                if stop is None:
                    return state, limit, False
                at = stop.start()
            byte = buffer[at]
            if state is State.START:
                state = State.COMMENT if byte == self._comment else State.FRESH
                continue
            if byte in (LF, CR) and state in _BREAKABLE:
                return state, at, True
            if state is State.COMMENT_RETURN and byte != LF:
                state = State.START
                continue
            state, at = self._after(state, byte), at + 1
        return state, at, False

    def _stop_of(self, state: State) -> re.Pattern[bytes]:
        if state is State.COMMENT:
            return self.line_end
        return self._quoted_stop if state is State.QUOTED else self._field_stop

    def _after(self, state: State, byte: int) -> State:
        """The state behind a byte that does not end a record."""
        match state:
            case State.COMMENT:
                return State.COMMENT_RETURN if byte == CR else State.START
            case State.COMMENT_RETURN:
                return State.START
            case State.ESCAPED:
                return State.FIELD
            case State.QUOTED_ESCAPED:
                return State.QUOTED
            case State.QUOTED if byte == self._escape:
                return State.QUOTED_ESCAPED
            case State.QUOTED:
                return State.CLOSING if self._doubled else self._behind_single
            case State.CLOSING if byte == self._quote:
                return State.QUOTED
        if byte == self._delimiter:
            return State.FRESH
        if state in (State.CLOSING, State.CLOSED):
            return self._behind_closing
        if byte == self._escape:
            return State.ESCAPED
        if state is State.FRESH and byte == self._quote:
            return State.QUOTED
        return State.FRESH if state is State.FRESH and byte == _BLANK and self._blanks else State.FIELD


class CommentedLines(Lines):
    """Lines that are records, with comments between them. A CR is no line end here."""

    def __init__(self, comment_char: str, max_record_bytes: int) -> None:
        super().__init__(max_record_bytes)
        mark = re.escape(comment_char).encode()
        self._comments = re.compile(rb"(?m)^%b[^\n]*\n" % mark)
        self._lead = re.compile(rb"(?:%b[^\n]*(?:\n|\Z))*" % mark)

    def complete(self, buffer: bytearray, ended: bool) -> Marks:
        """As in Lines."""
        found = super().complete(buffer, ended)
        if self._comments.search(buffer, 0, found.end) is None:
            return found
        masked = self._comments.sub(lambda comment: b"_" * len(comment[0]), buffer[: found.end])
        end = self._record = masked.rfind(b"\n") + 1
        held = buffer.endswith(b"\r") and not ended
        overlong = State.FIELD if len(buffer) - end - held > self._max else None
        return Marks(masked[:end], end, True, overlong)

    def lead(self, buffer: bytearray) -> int:
        """As in OddCsv."""
        found = self._lead.match(buffer)
        return found.end() if found else 0


def dialect_of(form: Format) -> Dialect:
    """How the format's records end. Raises ValueError for a delimiter that is not one ASCII character."""
    most = form.max_record_bytes.bytes
    if form.delimited:
        if form.plain_quotes and form.comment_char is None:
            return Csv(form.separator, most, quote=form.quote, lenient=form.lenient_quotes)
        return OddCsv(form)
    return CommentedLines(form.comment_char, most) if form.comment_char else Lines(most)


def _any_of(*characters: str) -> re.Pattern[bytes]:
    return re.compile(b"[" + re.escape("".join(characters)).encode() + b"]")
