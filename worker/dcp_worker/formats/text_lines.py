"""Formats in which each line is a record of text; and patterns with named groups, by which most take them apart.

kinds/ has a file for each of these formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
import polars as pl

from dcp_worker.formats.encoding import MARK, marked_records, to_utf8
from dcp_worker.formats.records import INDEX, Fault, Records, cell_column
from dcp_worker.formats.spans import Span, line_spans

_BLANK = " \t\r"


class Parsed(msgspec.Struct, frozen=True):
    """Cells of lines, a String column for each label, null where a line has none; and the lines at fault."""

    cells: pl.DataFrame
    faults: tuple[Fault, ...]


class LineParser(Protocol):
    """Takes lines apart. Thread-safe."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The cells that a line can have."""

    def parse(self, lines: pl.Series) -> Parsed:
        """The cells of lines without their terminators. None of them is blank."""


class LineReader(msgspec.Struct, frozen=True):
    """Reads batches whose records are lines; only the labels asked for become columns."""

    parser: LineParser
    encoding: str
    labels: tuple[str, ...]

    def read(self, raw: bytes, header: tuple[str, ...] | None) -> Records:
        """The records."""
        spans = self.spans(raw)
        data, undecodable = to_utf8(raw, self.encoding, spans)
        lines = data.decode().split("\n")
        if not lines[-1]:
            lines.pop()
        for index in marked_records(raw, spans, self.encoding):
            lines[index] = lines[index].removeprefix(MARK)
        text = pl.Series([line.removesuffix("\r") for line in lines], dtype=pl.String)
        blank = text.str.strip_chars(_BLANK) == ""
        parsed = self.parser.parse(text.set(blank, None))
        faults = {each.index: each for each in parsed.faults}
        faults |= {index: Fault(index, "blank-row", "the line is blank") for index in blank.arg_true()}
        faults |= {each.index: each for each in undecodable}
        columns = [parsed.cells[label].alias(cell_column(label)) for label in self.labels if label in parsed.cells]
        cells = pl.DataFrame([pl.int_range(len(lines), eager=True).alias(INDEX), *columns])
        if faults:
            cells = cells.filter(~pl.col(INDEX).is_in(list(faults)))
        return Records(len(lines), cells, tuple(faults.values()), spans)

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in the batch's bytes."""
        return line_spans(raw)

    def raw_cells(self, record: bytes, header: tuple[str, ...] | None) -> dict[str, str | None]:
        """One record's cells by label; the whole line where it cannot be taken apart."""
        text = record.decode(self.encoding, errors="replace").removeprefix(MARK)
        parsed = self.parser.parse(pl.Series([text]))
        return {"": text} if parsed.faults else parsed.cells.row(0, named=True)


class Pattern(msgspec.Struct, frozen=True):
    """A line's pattern, and patterns for parts of it: (label, pattern whose named groups are further cells)."""

    regex: str
    parts: tuple[tuple[str, str], ...] = ()


class PatternParser(msgspec.Struct, frozen=True):
    """The first pattern that matches a whole line gives its cells. `nil`: a cell that stands for no value."""

    patterns: tuple[Pattern, ...]
    labels: tuple[str, ...]
    wanted: str
    """What a line should have been, for the reason of a reject."""
    nil: str | None = None

    def parse(self, lines: pl.Series) -> Parsed:
        """The cells."""
        places = pl.int_range(len(lines), eager=True)
        left = lines.is_not_null()
        found: list[pl.DataFrame] = []
        for pattern in self.patterns:
            some = lines.filter(left)
            if not len(some):
                break
            here = some.str.contains(_whole(pattern.regex))
            if here.any():
                taken = places.filter(left).filter(here)
                found.append(_groups(some.filter(here), pattern).with_columns(taken.alias(INDEX)))
                left = left.scatter(taken, False)
        frame = self._side_by_side(found, places)
        if self.nil is not None:
            frame = frame.with_columns(pl.when(pl.all() == self.nil).then(None).otherwise(pl.all()).name.keep())
        reason = f"the line is not {self.wanted}"
        return Parsed(frame, tuple(Fault(index, "row-error", reason) for index in places.filter(left)))

    def _side_by_side(self, found: list[pl.DataFrame], places: pl.Series) -> pl.DataFrame:
        """The cells of all lines in their order, null where a line or its pattern has none."""
        shape = pl.DataFrame(schema={INDEX: pl.Int64, **dict.fromkeys(self.labels, pl.String)})
        cells = pl.concat([shape, *found], how="diagonal")
        if cells.height < len(places):
            cells = places.alias(INDEX).to_frame().join(cells, on=INDEX, how="left", maintain_order="left")
        elif len(found) > 1:
            cells = cells.sort(INDEX)
        return cells.select(self.labels)


def _groups(lines: pl.Series, pattern: Pattern) -> pl.DataFrame:
    frame = lines.str.extract_groups(_whole(pattern.regex)).struct.unnest()
    for label, regex in pattern.parts:
        frame = frame.hstack(frame[label].str.extract_groups(_whole(regex)).struct.unnest())
    return frame


def _whole(regex: str) -> str:
    return rf"\A(?:{regex})\z"
