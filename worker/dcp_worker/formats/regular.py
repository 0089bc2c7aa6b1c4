"""Polars' csv parser, for text in which every line is known to hold the same number of cells."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dcp_worker.formats.grid import Grid, all_empty, column_name, without_blank_rows


def read_regular(data: bytes, delimiter: str, width: int, wanted: Sequence[int], quote: str | None) -> Grid | None:
    """The cells of lines that all end with LF; None where Polars did not find as many rows as there are lines."""
    height = data.count(b"\n")
    cells = _parse(data, delimiter, wanted or range(width), quote)
    if cells.height != height:
        return None
    grid = Grid(height, pl.int_range(height, eager=True), cells, ())
    blank = all_empty(cells)
    if wanted and not blank.any():
        return grid
    if wanted and len(wanted) < width:  # the cells that nobody wants may have a value
        blank = all_empty(_parse(data, delimiter, range(width), quote))
    return without_blank_rows(grid, blank, wanted)


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
