"""csv and tsv: decode, read by the quick reader or else by the exact one, map cells by label.

quick.py and exact.py come next; docs/formats.md has the rules.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import msgspec
import polars as pl

from dcp_worker.formats.csv.exact import read_exact
from dcp_worker.formats.csv.grid import Grid, Ragged, column_name
from dcp_worker.formats.csv.quick import read_quick
from dcp_worker.formats.csv.reference import csv_rows
from dcp_worker.formats.encoding import to_utf8
from dcp_worker.formats.records import INDEX, Fault, FormatError, Records, cell_column
from dcp_worker.formats.spans import Span, csv_spans


class DelimitedReader(msgspec.Struct, frozen=True):
    """Reads csv batches; only the labels asked for become columns."""

    delimiter: str
    encoding: str
    labels: tuple[str, ...]

    def read(self, raw: bytes, header: tuple[str, ...] | None) -> Records:
        """The records. A label that stands in the header more than once is taken where it stands first.

        Raises FormatError where the batch carries no header.
        """
        if not header:
            raise FormatError("a csv batch without a header")
        spans = self.spans(raw)
        data, undecodable = to_utf8(raw, self.encoding, spans)
        present = [label for label in self.labels if label in header]
        wanted = sorted({header.index(label) for label in present})
        grid = self.grid(data, len(header), wanted)
        columns = [grid.cells[column_name(header.index(label))].alias(cell_column(label)) for label in present]
        cells = pl.DataFrame([grid.index.alias(INDEX), *columns])
        bad = {fault.index for fault in undecodable}
        if bad and len(header) == 1:  # else what stands in their place is ragged
            cells = cells.filter(~pl.col(INDEX).is_in(list(bad)))
        ragged = [_fault(each, len(header)) for each in grid.ragged if each.index not in bad]
        return Records(grid.count, cells, (*undecodable, *ragged), spans)

    def grid(self, data: bytes, width: int, wanted: Sequence[int]) -> Grid:
        """The cells of UTF-8 text."""
        grid = read_quick(data, self.delimiter, width, wanted)
        return read_exact(data, self.delimiter, width, wanted) if grid is None else grid

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in the batch's bytes."""
        return csv_spans(raw, self.delimiter)

    def raw_cells(self, record: bytes, header: tuple[str, ...] | None) -> dict[str, str | None]:
        """One record's cells by label; a label's later namesakes and cells without label get a number."""
        text = record.decode(self.encoding, errors="replace")
        row = self.row(text)
        cells: dict[str, str | None] = dict.fromkeys(header or ())
        for position, cell in enumerate(row):
            label = header[position] if header and position < len(header) else ""
            taken = not label or cells.get(label) is not None
            cells[f"{label}#{position + 1}" if taken else label] = cell
        return cells

    def row(self, text: str) -> list[str]:
        """The cells of one record."""
        return next(iter(csv_rows(io.StringIO(text, newline=""), self.delimiter)), [])


def _fault(ragged: Ragged, width: int) -> Fault:
    if ragged.cells == 0:
        return Fault(ragged.index, "blank-row", "no cell has a value")
    code = "missing-cell" if ragged.cells < width else "extra-cell"
    return Fault(ragged.index, code, f"cells: {ragged.cells}, labels in the header: {width}")
