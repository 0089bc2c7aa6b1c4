"""Bytes in, cuts out: the records of one object, grouped into batches by the rules of docs/formats.md.

Pure and incremental: how the bytes are chunked changes nothing. Holds at most one batch, one record of maxRecordBytes
and one chunk. marks.py says where records end, header.py reads the first of them, defects.py follows the records
that cannot be read as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dcp_fetcher.cutting.defects import Defect
from dcp_fetcher.cutting.dialects import dialect_of
from dcp_fetcher.cutting.header import Header, read_header
from dcp_fetcher.cutting.labels_read import Relabelled
from dcp_fetcher.cutting.marks import CR, LF, Csv, Marks, State
from dcp_fetcher.cutting.open_cells import ends_with_its_line
from dcp_fetcher.cutting.relabel import Labels, LabelWatch
from dcp_pipeline.batch import OPEN_CELL, digest_of
from dcp_pipeline.spec.model import BatchSize, Format

_FIRST_WINDOW_BYTES = 1024


@dataclass(frozen=True)
class Position:
    """Where the next cut starts: bytes before it, and the numbers of its batch, record and line."""

    offset: int = 0
    sequence: int = 0
    record: int = 1
    line: int = 1


@dataclass(frozen=True)
class RawCut:
    """A range that was cut. `raw` is its bytes; of a defect only the first RAW_KEPT_BYTES."""

    at: Position
    end: int
    records: int
    digest: str
    raw: bytes
    defect: str | None = None
    header: tuple[str, ...] | None = None
    """Its labels, where they are not the object's."""


class Splitter:
    """Cuts one object. Raises HeaderError where the first record of a csv cannot be a header.

    `at` is given to go on behind recorded cuts; without it the object starts here, with its header. `labels` are the
    object's and those of its last cut. `relabelled` may grow: where records have others (relabel.py).
    """

    def __init__(
        self,
        form: Format,
        batch: BatchSize,
        at: Position | None = None,
        labels: tuple[Labels | None, Labels | None] = (None, None),
        relabelled: Sequence[Relabelled] = (),
    ) -> None:
        self._form = form
        self._max_record = form.max_record_bytes.bytes
        self._max_records, self._max_bytes = batch.max_records, batch.max_bytes.bytes
        self._dialect = dialect_of(form)
        self._buffer = bytearray()
        self._header_due = at is None and not form.json_lines
        self.header: Header | None = None
        self._object_labels = labels[0]
        self._watch = LabelWatch(form, self._dialect, labels[1] or labels[0], relabelled)
        self._at = at or Position()
        self._parts: list[bytes] = []
        self._size = self._records = self._lines = 0
        self._defect: Defect | None = None
        self._cuts: list[RawCut] = []

    @property
    def held_bytes(self) -> int:
        """Bytes in memory: of the batch that is being filled and of what could not be split yet."""
        return self._size + len(self._buffer) + (len(self._defect.kept) if self._defect else 0)

    @property
    def labels(self) -> Labels | None:
        """Those that hold where it stands."""
        return self._watch.labels

    @property
    def position(self) -> Position:
        """Behind the last cut that was given out; bytes after it are to be read again by whoever goes on."""
        return self._at

    @property
    def unended(self) -> bool:
        """Do bytes wait that are no whole record or header yet? Comments whose lines are whole do not count."""
        if self._defect is not None:
            return True
        lone_comments = self._dialect.lead(self._buffer) == len(self._buffer) and self._buffer.endswith((b"\n", b"\r"))
        return bool(self._buffer) and (self._header_due or not lone_comments)

    @property
    def waiting(self) -> bytes | None:
        """Those bytes; None where they are too many to be held."""
        return None if self._defect is not None else bytes(self._buffer)

    @property
    def begun(self) -> bool:
        """Is what stands before the first record behind it?"""
        return not self._header_due

    def feed(self, data: bytes) -> list[RawCut]:
        """The cuts that these bytes complete."""
        self._buffer += data
        self._advance(ended=False)
        return self._given()

    def give_out(self) -> list[RawCut]:
        """The whole records that are in hand, as a batch that is not full."""
        self._emit()
        return self._given()

    def finish(self, *, unterminated: bool = True) -> list[RawCut]:
        """The last cuts. `unterminated`: a last record without line break counts; otherwise it is left for later."""
        self._advance(ended=unterminated)
        self._emit()
        return self._given()

    def _given(self) -> list[RawCut]:
        cuts, self._cuts = self._cuts, []
        return cuts

    def _advance(self, ended: bool) -> None:
        if self._header_due and not self._take_header(ended):
            return
        while self._buffer or (ended and self._defect):
            if self._defect is not None:
                if not self._follow_defect(self._defect, ended):
                    return
                continue
            found = self._dialect.complete(self._buffer, ended)
            change = self._watch.change(self._buffer, found, self._at.offset + self._size)
            if change is not None:
                self._relabel(found, *change)
                continue
            if self._take(found):
                continue
            if found.overlong is not None:
                self._start_defect(found.overlong)
            elif not self._buffer or not ended or not self._take_rest():
                return

    def _take_header(self, ended: bool) -> bool:
        header = read_header(self._buffer, self._form, ended)
        if header is None:
            return False
        del self._buffer[: header.end]
        self._header_due, self.header = False, header
        self._object_labels = self._watch.labels = header.labels
        self._at = replace(self._at, offset=header.end, line=header.lines + 1)
        return True

    def _relabel(self, found: Marks, record: int, labels: Labels) -> None:
        """The records before this one end a batch; where one of them is too long, the labels are found again."""
        if record and self._take(Marks(found.marks, record, found.multiline)):
            return
        if not record:
            self._dialect.forget(0)  # what was complete is looked at once more
        self._emit()
        self._watch.take(labels)

    def _relabel_rest(self) -> None:
        labels = self._watch.before_the_rest(self._buffer, self._at.offset + self._size)
        if labels is not None:
            self._emit()
            self._watch.take(labels)

    def _take(self, found: Marks) -> bool:
        """Put the complete records into batches; True where they ended at one that is too long."""
        fine = self._first_overlong(found.marks, found.end)
        self._add(found.marks, fine, found.multiline)
        if fine == found.end:
            self._consume(fine)
            return False
        self._consume(fine)
        self._start_defect(self._state_past_limit())
        return True

    def _first_overlong(self, marks: bytes | bytearray, end: int) -> int:
        """Where the first record that is too long starts; `end` if none is. Strides over all that are not."""
        at = 0
        while end - at > self._max_record:
            line = marks.rfind(b"\n", at, at + self._max_record + 1)
            if line < 0:
                line = at + self._max_record + 1
                if marks[line] != LF or self._buffer[line - 1] != CR:
                    return at
            at = line + 1
        return end

    def _add(self, marks: bytes | bytearray, end: int, multiline: bool) -> None:
        at = 0
        while at < end:
            room = max(0, self._max_bytes - self._size)
            stop = end if end - at <= room else marks.rfind(b"\n", at, at + room) + 1
            if stop <= at:
                if self._records:
                    self._emit()
                    continue
                stop = marks.find(b"\n", at) + 1
            stop, count = at_most(marks, at, stop, self._max_records - self._records)
            with memoryview(self._buffer) as view:
                raw = bytes(view[at:stop])
            self._parts.append(raw)
            self._size += len(raw)
            self._records += count
            self._lines += self._dialect.count_lines(raw) if multiline else count
            if self._records == self._max_records:
                self._emit()
            at = stop

    def _take_rest(self) -> bool:
        """At the object's end: a last record without line break. True while there is more to take."""
        if self._dialect.lead(self._buffer) == len(self._buffer):
            self._consume(len(self._buffer))  # comments behind the last record are nobody's
            return False
        if isinstance(self._dialect, Csv) and self._dialect.open_at_end(self._buffer):
            self._start_defect(State.QUOTED)
            return True
        raw = bytes(self._buffer)
        self._relabel_rest()
        if self._size + len(raw) > self._max_bytes:
            self._emit()
        self._parts.append(raw)
        self._size += len(raw)
        self._records += 1
        self._lines += 1 + self._dialect.count_lines(raw)
        self._consume(len(raw))
        return False

    def _consume(self, count: int) -> None:
        if count:
            del self._buffer[:count]
            self._dialect.forget(count)

    def _emit(self) -> None:
        if not self._records:
            return
        raw = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._give(RawCut(self._at, self._at.offset + len(raw), self._records, digest_of(raw), raw), self._lines)
        self._parts, self._size, self._records, self._lines = [], 0, 0, 0

    def _give(self, cut: RawCut, lines: int) -> None:
        labels = self._watch.labels
        self._cuts.append(replace(cut, header=labels) if labels != self._object_labels else cut)
        self._at = Position(cut.end, self._at.sequence + 1, self._at.record + cut.records, self._at.line + lines)

    def _state_past_limit(self) -> State:
        if isinstance(self._dialect, Csv):
            return self._dialect.run(self._buffer, 0, self._max_record + 1, self._dialect.first)[0]
        return State.FIELD

    def _start_defect(self, state: State) -> None:
        self._emit()
        self._relabel_rest()
        lead = self._dialect.lead(self._buffer)
        self._defect = Defect(self._dialect, state, self._max_record, lead)
        if state is State.QUOTED and ends_with_its_line(self._buffer, lead, self._max_record + 1, self._form):
            self._defect.reason = OPEN_CELL

    def _follow_defect(self, defect: Defect, ended: bool) -> bool:
        taken, over = defect.take(self._buffer, ended)
        self._consume(taken)
        if over:
            self._end_defect(defect)
        return over

    def _end_defect(self, defect: Defect) -> None:
        self._defect = None
        end = self._at.offset + defect.length
        kept = bytes(defect.kept)
        self._give(RawCut(self._at, end, 1, defect.digest.hexdigest(), kept, defect.reason), defect.lines)


def at_most(marks: bytes | bytearray, start: int, stop: int, most: int) -> tuple[int, int]:
    """Where up to `most` records from `start` end, and how many they are.

    `stop` ends a record. It looks in windows that grow, because to count all that is left for each batch of a few
    records would cost the square of the bytes.
    """
    low, before, window_bytes = start, 0, _FIRST_WINDOW_BYTES
    while low < stop:
        high = min(stop, low + window_bytes)
        here = marks.count(b"\n", low, high)
        if before + here >= most:
            return after_records(marks, low, high, most - before), most
        low, before, window_bytes = high, before + here, 2 * window_bytes
    return stop, before


def after_records(marks: bytes | bytearray, start: int, stop: int, count: int) -> int:
    """Where the `count`-th record from `start` ends: halving, so that all counting together reads the bytes twice."""
    low, high, before = start, stop, 0
    while high - low > 1:
        middle = (low + high) // 2
        here = marks.count(b"\n", low, middle)
        if before + here >= count:
            high = middle
        else:
            low, before = middle, before + here
    return high
