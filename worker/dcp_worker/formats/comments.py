"""Comments between records: taken out before a batch is read, with the records' places told as if they were there."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from dcp_worker.formats.csv.reference import CsvRows
from dcp_worker.formats.records import Reader, Records
from dcp_worker.formats.spans import Gap, Span, shifted

_LF_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
RowsOf = Callable[[Iterable[str]], CsvRows]


class CommentedReader(msgspec.Struct, frozen=True):
    """A reader of batches that may hold comments. `rows_of` tells records that span lines; None: each is a line."""

    reader: Reader
    mark: str
    rows_of: RowsOf | None

    def read(self, raw: bytes, header: tuple[str, ...] | None) -> Records:
        """The records, without comments."""
        rest, gaps = self._without_comments(raw)
        records = self.reader.read(rest, header)
        return replace(records, spans=shifted(records.spans, gaps)) if gaps else records

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in the batch's bytes."""
        rest, gaps = self._without_comments(raw)
        return shifted(self.reader.spans(rest), gaps)

    def raw_cells(self, record: bytes, header: tuple[str, ...] | None) -> dict[str, str | None]:
        """One record's cells by label."""
        return self.reader.raw_cells(record, header)

    def _without_comments(self, raw: bytes) -> tuple[bytes, Sequence[Gap]]:
        mark = self.mark.encode()
        if re.search(rb"(?:\A|[\r\n])%b" % re.escape(mark), raw) is None:
            return raw, ()
        gaps = tuple(self._gaps(raw))
        ends = [0, *(gap.end for gap in gaps)]
        starts = [*(gap.start for gap in gaps), len(raw)]
        return b"".join(raw[end:start] for end, start in zip(ends, starts, strict=True)), gaps

    def _gaps(self, raw: bytes) -> Iterator[Gap]:
        if self.rows_of is None:
            at = 0
            for line in _LF_LINE.findall(raw):
                if line.startswith(self.mark.encode()):
                    yield Gap(at, at + len(line))
                at += len(line)
            return
        yield from _csv_gaps(raw, self.mark, self.rows_of)


def _csv_gaps(raw: bytes, mark: str, rows_of: RowsOf) -> list[Gap]:
    """Only a line that starts a record can be a comment: csv's own reader says which lines go on with the last one."""
    gaps: list[Gap] = []
    at_start = True

    def lines() -> Iterator[str]:
        nonlocal at_start
        at = 0
        for line in io.StringIO(raw.decode("latin-1"), newline=""):
            if at_start and line.startswith(mark):
                gaps.append(Gap(at, at + len(line)))
            else:
                at_start = False
                yield line
            at += len(line)

    for _ in rows_of(lines()):
        at_start = True
    return gaps
