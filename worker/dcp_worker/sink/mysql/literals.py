"""Rows as SQL text for MySQL, made by Polars for a whole batch at once. Values are escaped, never trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import polars as pl

from dcp_worker.sink.shape import BATCH

# The session's sql_mode is ours, without NO_BACKSLASH_ESCAPES and ANSI_QUOTES, and its charset is utf8mb4.
# The backslash stands first: what the others are escaped with is not to be escaped again.
_ESCAPED = {"\\": "\\\\", "'": "\\'", "\0": "\\0"}
DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S%.6f"
TIME_FORMAT = "%H:%M:%S%.6f"


def scalar_literal(value: str | bytes | int | None) -> str:
    """One value as an SQL literal."""
    if isinstance(value, str):
        for character, escaped in _ESCAPED.items():  # half of what str.translate takes, for seldom is one there
            value = value.replace(character, escaped)
        return f"'{value}'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return "NULL" if value is None else str(value)


class Chunk(msgspec.Struct, frozen=True):
    """Rows `start` up to `end` of a frame, and their VALUES."""

    start: int
    end: int
    values: str


def literal(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column's values as SQL literals."""
    column = pl.col(name)
    if dtype == pl.String:
        text = column.str.replace_many(list(_ESCAPED), list(_ESCAPED.values()))
        quoted = pl.concat_str(pl.lit("'"), text, pl.lit("'"))
    elif dtype == pl.Binary:
        quoted = pl.concat_str(pl.lit("x'"), column.bin.encode("hex"), pl.lit("'"))
    elif dtype == pl.Boolean:
        quoted = column.cast(pl.Int8).cast(pl.String)
    elif isinstance(dtype, pl.Datetime):
        quoted = pl.concat_str(pl.lit("'"), column.dt.strftime(DATETIME_FORMAT), pl.lit("'"))
    elif dtype == pl.Time:
        quoted = pl.concat_str(pl.lit("'"), column.dt.strftime(TIME_FORMAT), pl.lit("'"))
    elif dtype == pl.Date:
        quoted = pl.concat_str(pl.lit("'"), column.dt.strftime("%Y-%m-%d"), pl.lit("'"))
    else:
        quoted = column.cast(pl.String)
    return quoted.fill_null("NULL")


def row_values(rows: pl.DataFrame, batch_id: str) -> pl.Series:
    """`(value, value, ..., batch)` per row, in the order of the frame's columns; BATCH may be one of them."""
    parts = [literal(name, dtype) for name, dtype in rows.schema.items()]
    if BATCH not in rows.columns:
        parts.append(pl.lit(f"x'{bytes.fromhex(batch_id).hex()}'"))
    commas = [part for each in parts for part in (each, pl.lit(","))][:-1]
    return rows.select(pl.concat_str(pl.lit("("), *commas, pl.lit(")")).alias("values")).to_series()


def column_list(columns: Sequence[str]) -> str:
    """The columns that row_values fills. They are identifiers by the spec's check."""
    return ", ".join(f"`{name}`" for name in dict.fromkeys((*columns, BATCH)))


def chunks(values: pl.Series, most_bytes: int) -> Iterator[Chunk]:
    """Rows together as long as they stay under `most_bytes`; a longer row is alone."""
    sizes = (values.str.len_bytes() + 1).to_list()
    start = held = 0
    for position, size in enumerate(sizes):
        if held and held + size > most_bytes:
            yield _chunk(values, start, position)
            start, held = position, 0
        held += size
    if held:
        yield _chunk(values, start, len(values))


def _chunk(values: pl.Series, start: int, end: int) -> Chunk:
    return Chunk(start, end, values.slice(start, end - start).str.join(",").item())
