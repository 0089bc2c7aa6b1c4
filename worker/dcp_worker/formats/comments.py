"""Comments between records: taken out before a batch is read, with the records' places told as if they were there."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from dcp_worker.formats.csv.grammar import BROKEN_REASON, Dialect, Place, line_end, masked, record_at
from dcp_worker.formats.records import Fault, Reader, Records, refused
from dcp_worker.formats.spans import Gap, Span, shifted

_LF_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")


class Uncommented(msgspec.Struct, frozen=True):
    """A batch without its comments. Of csv, `broken` are the records that cannot be read, which are masked."""

    raw: bytes
    gaps: Sequence[Gap] = ()
    broken: Sequence[int] = ()


class CommentedReader(msgspec.Struct, frozen=True):
    """A reader of batches that may hold comments. `dialect` says where records end; None: each is a line."""

    reader: Reader
    mark: str
    dialect: Dialect | None

    def read(self, raw: bytes, header: tuple[str, ...] | None) -> Records:
        """The records, without comments."""
        rest = self._without_comments(raw)
        records = self.reader.read(rest.raw, header)
        if not rest.gaps:
            return records
        faults = [Fault(index, "row-error", BROKEN_REASON) for index in rest.broken]
        return refused(replace(records, spans=shifted(records.spans, rest.gaps)), faults)

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in the batch's bytes."""
        rest = self._without_comments(raw)
        return shifted(self.reader.spans(rest.raw), rest.gaps)

    def raw_cells(self, record: bytes, header: tuple[str, ...] | None) -> dict[str, str | None]:
        """One record's cells by label."""
        return self.reader.raw_cells(record, header)

    def _without_comments(self, raw: bytes) -> Uncommented:
        mark = self.mark.encode()
        if re.search(rb"(?:\A|[\r\n])%b" % re.escape(mark), raw) is None:
            return Uncommented(raw)
        if self.dialect is not None:
            return _csv_without_comments(raw, mark, self.dialect)
        gaps, at = [], 0
        for line in _LF_LINE.findall(raw):
            if line.startswith(mark):
                gaps.append(Gap(at, at + len(line)))
            at += len(line)
        return Uncommented(_without(raw, gaps), gaps)


def _csv_without_comments(raw: bytes, mark: bytes, dialect: Dialect) -> Uncommented:
    """Only a line that starts a record can be a comment. A quote in it may break the record before, so that what is
    broken is seen here and not when the comments are gone.
    """
    gaps: list[Gap] = []
    broken: list[tuple[int, Place]] = []
    at = index = 0
    while at < len(raw):
        if raw.startswith(mark, at):
            gaps.append(Gap(at, line_end(raw, at)))
            at = gaps[-1].end
            continue
        place = record_at(raw, at, dialect)
        if place.broken:
            broken.append((index, place))
        at, index = place.end, index + 1
    whole = masked(raw, [place for _, place in broken])
    return Uncommented(_without(whole, gaps), gaps, [number for number, _ in broken])


def _without(raw: bytes, gaps: Sequence[Gap]) -> bytes:
    ends = [0, *(gap.end for gap in gaps)]
    starts = [*(gap.start for gap in gaps), len(raw)]
    return b"".join(raw[end:start] for end, start in zip(ends, starts, strict=True))
