"""csv and tsv in any dialect: decode, read by the quick reader or else by the exact one, map cells by label.

quick.py and exact.py come next, grammar.py says what a record is; docs/formats.md has the rules.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from dcp_worker.formats.csv.exact import read_exact
from dcp_worker.formats.csv.grammar import BROKEN_REASON, Dialect, Place, broken_in, masked
from dcp_worker.formats.csv.grid import Grid, Ragged, column_name
from dcp_worker.formats.csv.quick import read_quick
from dcp_worker.formats.csv.ragged import RaggedRows, ragged_fault
from dcp_worker.formats.csv.reference import dialect_rows
from dcp_worker.formats.encoding import MARK, marked_records, to_utf8
from dcp_worker.formats.records import INDEX, Fault, FormatError, Records, cell_column
from dcp_worker.formats.spans import Span, Spans, csv_spans

_LABELS_TOLD = 2
_MOST_LOOKED_AT = 1000
_AGAIN = "it holds the labels once more: it is no record"
_AGAIN_IN_ANOTHER_ORDER = (
    "it holds the labels in another order, and what follows may stand in that one, but is read by the object's first "
    "header: split the file there"
)


class DelimitedReader(msgspec.Struct, frozen=True):
    """Reads csv batches; only the labels asked for become columns. `words` are the dialect's for csv.reader."""

    dialect: Dialect
    words: Mapping[str, Any]
    encoding: str
    labels: tuple[str, ...]
    ragged: RaggedRows = RaggedRows()

    def read(self, raw: bytes, header: tuple[str, ...] | None) -> Records:
        """The records. A label that stands in the header more than once is taken where it stands first.

        Raises FormatError where the batch carries no header.
        """
        if not header:
            raise FormatError("a csv batch without a header")
        spans = self.spans(raw)
        present = [label for label in self.labels if label in header]
        wanted = sorted({header.index(label) for label in present})
        grid, unreadable = self._grid(raw, spans, len(header), wanted)
        columns = [grid.cells[column_name(header.index(label))].alias(cell_column(label)) for label in present]
        cells = pl.DataFrame([grid.index.alias(INDEX), *columns])
        bad = {fault.index for fault in unreadable}
        if bad and len(header) == 1:  # else what stands in their place is ragged
            cells = cells.filter(~pl.col(INDEX).is_in(list(bad)))
        marked = [index for index in marked_records(raw, spans, self.encoding) if index not in bad]
        if marked:
            grid, cells, broken = self._unmarked(raw, spans, marked, header, present, grid, cells)
            unreadable, bad = (*unreadable, *broken), bad | {fault.index for fault in broken}
        again = self._headers_again(raw, spans, cells, header, present)
        if again:
            cells = cells.filter(~pl.col(INDEX).is_in([each.index for each in again]))
            unreadable = (*unreadable, *again)
        odd = [each for each in grid.ragged if each.index not in bad]
        mendable = [each.index for each in odd if self.ragged.mends(each, len(header))]
        if mendable:
            cells = cells.vstack(self._mended(raw, spans, mendable, header, present))
        ragged = [ragged_fault(each, len(header)) for each in odd if not self.ragged.mends(each, len(header))]
        return Records(grid.count, cells, (*unreadable, *ragged), spans)

    def _unmarked(
        self,
        raw: bytes,
        spans: Sequence[Span],
        marked: Sequence[int],
        header: tuple[str, ...],
        present: Sequence[str],
        grid: Grid,
        cells: pl.DataFrame,
    ) -> tuple[Grid, pl.DataFrame, list[Fault]]:
        """Records behind a byte order mark, read anew without it: of several files that somebody put into one."""
        texts = {index: _text_of(raw, spans[index], self.encoding) for index in marked}
        broken = [index for index, text in texts.items() if broken_in(text.encode(), self.dialect)]
        rows = {index: self.row(text) for index, text in texts.items() if index not in broken}
        odd = {index: row for index, row in rows.items() if len(row) != len(header) or not any(row)}
        whole = {index: row for index, row in rows.items() if index not in odd}
        anew = [(label, [row[header.index(label)] for row in whole.values()]) for label in present]
        cells = cells.filter(~pl.col(INDEX).is_in(marked)).vstack(_cells_of(list(whole), anew))
        ragged = [each for each in grid.ragged if each.index not in marked]
        ragged += [Ragged(index, len(row) if any(row) else 0) for index, row in odd.items()]
        faults = [Fault(index, "row-error", BROKEN_REASON) for index in broken]
        return msgspec.structs.replace(grid, ragged=tuple(ragged)), cells, faults

    def _headers_again(
        self, raw: bytes, spans: Sequence[Span], cells: pl.DataFrame, header: tuple[str, ...], present: Sequence[str]
    ) -> list[Fault]:
        """Records that hold the labels once more, in their order or another. Of one column nobody can tell."""
        if len(header) < _LABELS_TOLD or not present:
            return []
        first = pl.col(cell_column(present[0]))
        alike = cells.select(pl.col(INDEX).filter(first.str.strip_chars().is_in(list(header))))[INDEX].to_list()
        found = []
        for index in alike[:_MOST_LOOKED_AT]:
            labels = [cell.strip() for cell in self.row(_text_of(raw, spans[index], self.encoding))]
            if sorted(labels) == sorted(header):
                same = labels == list(header)
                found.append(Fault(index, "row-error", _AGAIN if same else _AGAIN_IN_ANOTHER_ORDER))
        return found

    def _mended(
        self, raw: bytes, spans: Sequence[Span], records: Sequence[int], header: tuple[str, ...], present: Sequence[str]
    ) -> pl.DataFrame:
        """The cells of records with fewer or more of them than there are labels."""
        texts = [_text_of(raw, spans[each], self.encoding) for each in records]
        rows = [self.ragged.mended(self.row(text), len(header)) for text in texts]
        return _cells_of(records, [(label, [row[header.index(label)] for row in rows]) for label in present])

    def _grid(
        self, raw: bytes, spans: Sequence[Span], width: int, wanted: Sequence[int]
    ) -> tuple[Grid, Sequence[Fault]]:
        """The cells, with something that is none of the record's in the place of each that cannot be read."""
        data, undecodable = to_utf8(raw, self.encoding, spans)
        # What stands for a record of bad bytes has no quotes any more, which may break another: that is seen in `raw`.
        grid = None if undecodable else read_quick(data, self.dialect, width, wanted)
        if grid is not None:
            return grid, undecodable
        broken = broken_in(raw, self.dialect)
        if broken:
            data, undecodable = to_utf8(masked(raw, broken), self.encoding, spans)
        grid = read_quick(data, self.dialect, width, wanted) if broken or undecodable else None
        if grid is None:
            grid = read_exact(data, self.words, width, wanted)
        return grid, (*undecodable, *_broken_faults(broken, spans))

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in the batch's bytes."""
        return csv_spans(raw, self.dialect)

    def raw_cells(self, record: bytes, header: tuple[str, ...] | None) -> dict[str, str | None]:
        """One record's cells by label; a label's later namesakes and cells without label get a number."""
        row = self.row(record.decode(self.encoding, errors="replace").removeprefix(MARK))
        cells: dict[str, str | None] = dict.fromkeys(header or ())
        for position, cell in enumerate(row):
            label = header[position] if header and position < len(header) else ""
            taken = not label or cells.get(label) is not None
            cells[f"{label}#{position + 1}" if taken else label] = cell
        return cells

    def row(self, text: str) -> list[str]:
        """The cells of one record."""
        return next(iter(dialect_rows(io.StringIO(text, newline=""), self.words)), [])


def _text_of(raw: bytes, span: Span, encoding: str) -> str:
    return raw[span.start : span.end].decode(encoding, errors="replace").removeprefix(MARK)


def _cells_of(records: Sequence[int], columns: Sequence[tuple[str, Sequence[str | None]]]) -> pl.DataFrame:
    cells = [pl.Series(cell_column(label), values, dtype=pl.String) for label, values in columns]
    return pl.DataFrame([pl.Series(INDEX, records, dtype=pl.Int64), *cells])


def _broken_faults(broken: Sequence[Place], spans: Sequence[Span]) -> list[Fault]:
    if not broken:
        return []
    starts = spans.starts if isinstance(spans, Spans) else [span.start for span in spans]
    return [Fault(bisect_right(starts, place.start) - 1, "row-error", BROKEN_REASON) for place in broken]
