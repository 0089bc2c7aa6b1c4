"""A record that cannot be read as one: followed to its end without being held."""

from __future__ import annotations

from dcp_fetcher.cutting.marks import Csv, Dialect, State, after_break
from dcp_pipeline.batch import RAW_KEPT_BYTES, digester


class Defect:
    """One defect from its first byte. `state` is the automaton's, just past maxRecordBytes or at the object's end.

    Inside quotes there, the quote is the reason and the defect is the physical line in which the record started.
    BROKEN, it is that line too, which is too long itself. Otherwise the record is too long and ends at its first line
    break outside quotes; but where it is inside quotes at a further multiple of maxRecordBytes, or BROKEN, at the next
    line break of any kind: one quote cannot swallow the object.
    `lead_bytes` of comments before it are part of its range.
    """

    def __init__(self, dialect: Dialect, state: State, max_record_bytes: int, lead_bytes: int = 0) -> None:
        self._dialect = dialect
        quoted = state in (State.QUOTED, State.QUOTED_ESCAPED)
        one_line = quoted or state is State.BROKEN
        self._csv = dialect if isinstance(dialect, Csv) and not one_line else None
        self._lead_bytes = 0 if self._csv else lead_bytes
        self._lead_goes_on = self._csv is None and not one_line
        self._inside_comment = False
        self._state = self._csv.first if self._csv else State.FRESH
        self._stride = max(1, max_record_bytes)
        self._checkpoint = 2 * self._stride + 1
        self._ends_csv_lines = isinstance(dialect, Csv)
        self.reason = (
            f"a quote is not closed within maxRecordBytes ({max_record_bytes}) or before the end of the object"
            if quoted
            else f"the record is longer than maxRecordBytes ({max_record_bytes})"
        )
        self.kept = bytearray()
        self.digest = digester()
        self.length = 0
        self.lines = 0
        self._after_return = False

    def take(self, buffer: bytearray, ended: bool) -> tuple[int, bool]:
        """How many bytes at the buffer's start belong to it, and whether it ends there."""
        if self._lead_goes_on:
            self._lead_bytes = self._behind_comments(buffer)
        end, over = self._record(self._csv, buffer, ended) if self._csv else self._line(buffer, self._lead_bytes, ended)
        self._lead_bytes = 0
        taken = bytes(buffer[:end])
        self.kept += taken[: RAW_KEPT_BYTES - len(self.kept)]
        self.digest.update(taken)
        self.length += end
        self.lines += self._dialect.count_lines(taken)
        self.lines -= self._ends_csv_lines and self._after_return and taken.startswith(b"\n")
        self._after_return = taken.endswith(b"\r") if taken else self._after_return
        if ended and end == len(buffer) and not over:
            self.lines += 1
            over = True
        return end, over

    def _behind_comments(self, buffer: bytearray) -> int:
        """How many bytes belong to comments before the record: they come in pieces too."""
        at = 0
        if self._inside_comment:
            found = self._dialect.line_end.search(buffer)
            if found is None:
                return len(buffer)
            at = found.end()
        at += self._dialect.lead(buffer[at:])
        self._lead_goes_on = at == len(buffer)
        self._inside_comment = not buffer.endswith(b"\n")
        return at

    def _line(self, buffer: bytearray, start: int, ended: bool) -> tuple[int, bool]:
        found = self._dialect.line_end.search(buffer, start)
        if found is None:
            held = buffer.endswith(b"\r", start) and not ended  # one before `start` was inside quotes
            return len(buffer) - held, False
        after = after_break(buffer, found.start(), ended) if self._ends_csv_lines else found.end()
        return (after, True) if after >= 0 else (found.start(), False)

    def _record(self, csv: Csv, buffer: bytearray, ended: bool) -> tuple[int, bool]:
        at = 0
        while at < len(buffer):
            checkpoint = self._checkpoint - self.length
            self._state, at, broke = csv.run(buffer, at, min(len(buffer), checkpoint), self._state)
            if broke:
                after = after_break(buffer, at, ended)
                return (after, True) if after >= 0 else (at, False)
            if self._state is State.BROKEN:
                self._csv = None
                return self._line(buffer, at, ended)
            if at == checkpoint:
                self._checkpoint += self._stride
                if self._state in (State.QUOTED, State.QUOTED_ESCAPED):
                    self._csv = None
                    return self._line(buffer, at, ended)
        return at, False
