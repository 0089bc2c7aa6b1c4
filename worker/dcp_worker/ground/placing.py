"""Rows put into the places of others."""

from __future__ import annotations

import polars as pl


def put_at(places: pl.Series, rows: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `rows` at `places`, in that order; both have the same columns."""
    after = pl.int_range(frame.height, frame.height + rows.height, dtype=pl.UInt32, eager=True)
    order = pl.int_range(frame.height, dtype=pl.UInt32, eager=True).scatter(places, after)
    return frame.vstack(rows)[order]
