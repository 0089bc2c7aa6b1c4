"""fixed: columns of fixed width."""

from __future__ import annotations

import msgspec
import polars as pl

from dcp_pipeline.spec.formats.fixed import Fixed
from dcp_pipeline.spec.words.format import Format
from dcp_worker.formats.records import Fault
from dcp_worker.formats.text_lines import LineParser, Parsed


class FixedParser(msgspec.Struct, frozen=True):
    """Columns of so many characters each, from left to right; blanks around a cell do not count."""

    columns: tuple[tuple[str, int], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(name for name, _ in self.columns)

    def parse(self, lines: pl.Series) -> Parsed:
        """The cells; null where a line ends before its column. A line with more behind the last column is at fault."""
        cells, at = [], 0
        lengths = lines.str.len_chars()
        for name, width in self.columns:
            cell = lines.str.slice(at, width).str.strip_chars()
            cells.append(cell.set(lengths <= at, None).alias(name))
            at += width
        more = (lines.str.slice(at).str.strip_chars().fill_null("") != "").arg_true()
        reason = f"the line goes on behind its last column, which ends at character {at}"
        return Parsed(pl.DataFrame(cells), tuple(Fault(index, "extra-cell", reason) for index in more))


def parser(form: Format) -> LineParser:
    """Takes lines apart."""
    return FixedParser(tuple((each.name, each.width) for each in form.own(Fixed).columns))
