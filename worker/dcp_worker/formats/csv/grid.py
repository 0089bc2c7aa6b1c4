"""Cells by position, as the two csv readers (quick.py, exact.py) return them: both must agree."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl


class Ragged(msgspec.Struct, frozen=True):
    """A record with another number of cells than the header has labels; 0 cells where all are empty."""

    index: int
    cells: int


class Grid(msgspec.Struct, frozen=True):
    """`cells` holds the wanted positions (columns "0", "1"...) of the regular records, `index` says which.

    They are side by side, not in the records' order. Where nothing is wanted `cells` has no columns.
    """

    count: int
    index: pl.Series
    cells: pl.DataFrame
    ragged: tuple[Ragged, ...]


def column_name(position: int) -> str:
    """The name of a cell's column in a Grid."""
    return str(position)


def moved(ragged: Sequence[Ragged], places: pl.Series) -> list[Ragged]:
    """The same records in a larger text, in which `places` says where each of them stands."""
    indexes = places.gather([each.index for each in ragged])
    return [Ragged(index, each.cells) for index, each in zip(indexes, ragged, strict=True)]


def all_empty(cells: pl.DataFrame) -> pl.Series:
    """Which rows have no value in any column."""
    return cells.select(empty=pl.all_horizontal(pl.all() == "")).to_series()


def without_blank_rows(grid: Grid, blank: pl.Series, wanted: Sequence[int]) -> Grid:
    """The grid with its blank rows (a mask over its rows) moved to `ragged`, and the wanted columns only."""
    ragged = (Ragged(index, 0) for index in grid.index.filter(blank))
    cells = grid.cells.filter(~blank).select(column_name(position) for position in wanted)
    return Grid(grid.count, grid.index.filter(~blank), cells, (*grid.ragged, *ragged))
