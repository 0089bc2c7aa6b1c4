"""The csv reader for everything: Python's csv module, whose rows docs/formats.md promises."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from dcp_worker.formats.csv.grid import Grid, Ragged, column_name
from dcp_worker.formats.csv.reference import dialect_rows


def read_exact(data: bytes, words: Mapping[str, Any], width: int, wanted: Sequence[int]) -> Grid:
    """The cells of UTF-8 text in which no record is broken, in the dialect of these words of csv.reader."""
    rows = list(dialect_rows(io.StringIO(data.decode(), newline=""), words))
    good = [len(row) == width and any(row) for row in rows]
    ragged = (
        Ragged(index, len(row) if any(row) else 0)
        for index, (row, whole) in enumerate(zip(rows, good, strict=True))
        if not whole
    )
    kept = [row for row, whole in zip(rows, good, strict=True) if whole]
    cells = pl.DataFrame(
        [pl.Series(column_name(position), [row[position] for row in kept], dtype=pl.String) for position in wanted]
    )
    index = pl.Series([number for number, whole in enumerate(good) if whole], dtype=pl.Int64)
    return Grid(len(rows), index, cells, tuple(ragged))
