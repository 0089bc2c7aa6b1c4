"""Polars' csv parser, for text in which every line is known to hold the same number of cells."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dcp_worker.formats.csv.grid import Grid, all_empty, column_name, without_blank_rows
from dcp_worker.formats.lines import split_lines


def read_regular(data: bytes, height: int, delimiter: str, width: int, wanted: Sequence[int]) -> Grid | None:
    """The cells of `height` lines that all end with LF, some in quotes; None where Polars found another number."""
    cells = _parse(data, delimiter, wanted or range(width), '"')
    if cells.height != height:
        return None
    grid = Grid(height, pl.int_range(height, eager=True), cells, ())
    blank = all_empty(cells)
    if wanted and not blank.any():
        return grid
    if wanted and len(wanted) < width:  # the cells that nobody wants may have a value
        blank = _all_cells_empty(data, delimiter, width, blank)
    return without_blank_rows(grid, blank, wanted)


def read_cells(data: bytes, height: int, delimiter: str, wanted: Sequence[int]) -> pl.DataFrame | None:
    """The wanted cells of as many lines without quotes; None where Polars found another number."""
    if not wanted:
        return pl.DataFrame()
    cells = _parse(data, delimiter, wanted, None)
    return cells if cells.height == height else None


def _all_cells_empty(data: bytes, delimiter: str, width: int, candidates: pl.Series) -> pl.Series:
    numbers = candidates.arg_true()
    lines = split_lines(data)
    rows = b"".join(lines[number] + b"\n" for number in numbers)
    return candidates.scatter(numbers, all_empty(_parse(rows, delimiter, range(width), '"')))


def _parse(data: bytes, delimiter: str, wanted: Sequence[int], quote: str | None) -> pl.DataFrame:
    names = [column_name(position) for position in wanted]
    if not data:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    cells = pl.read_csv(
        data,
        has_header=False,
        separator=delimiter,
        quote_char=quote,
        columns=list(wanted),
        infer_schema=False,
        empty_string_is_null=False,
    )
    return cells.rename(dict(zip(cells.columns, names, strict=True)))
