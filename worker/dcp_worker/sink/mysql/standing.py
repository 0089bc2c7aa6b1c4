"""Which records of a batch stand in the table already: by their identity, or by a key of the table's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dcp_worker.sink.mysql.literals import literal
from dcp_worker.sink.shape import ID, CleanTable

_IDS_PER_LOOK = 5_000
_KEYS_PER_LOOK = 1_000


def fresh_positions(driver: Any, table: CleanTable, rows: pl.DataFrame) -> pl.Series:
    """The positions of the rows that do not stand in the table of MySQL or MariaDB, as far as this transaction sees:
    another one may insert them the next moment."""
    known = rows[ID].is_in(pl.Series(_standing_ids(driver, table, rows), dtype=pl.Binary).implode())
    for columns in table.twin_keys:
        known |= _known_by_key(driver, table, columns, rows)
    return (~known).arg_true()


def _standing_ids(driver: Any, table: CleanTable, rows: pl.DataFrame) -> list[bytes]:
    standing: list[bytes] = []
    with driver.cursor() as cursor:
        for part in rows[ID].bin.encode("hex").to_frame("id").iter_slices(_IDS_PER_LOOK):
            identities = "x'" + part["id"].str.join("',x'").item() + "'"
            cursor.execute(f"SELECT `{ID}` FROM {table.quoted} WHERE `{ID}` IN ({identities})")  # noqa: S608
            standing += [row[0] for row in cursor.fetchall()]
    return standing


def _known_by_key(driver: Any, table: CleanTable, columns: Sequence[str], rows: pl.DataFrame) -> pl.Series:
    """Whether a row with exactly these values in the key's columns stands there. The server may find more, for its
    collation takes "a" for "A": those it will refuse, and that is a reject."""
    names = [next(name for name in rows.columns if name.lower() == column.lower()) for column in columns]
    key = rows.select(names)
    standing = set(_standing_keys(driver, table, key))
    return pl.Series([values in standing for values in key.rows()], dtype=pl.Boolean)


def _standing_keys(driver: Any, table: CleanTable, key: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    quoted = ", ".join(f"`{name}`" for name in key.columns)
    literals = [literal(name, dtype) for name, dtype in key.schema.items()]
    commas = [part for each in literals for part in (each, pl.lit(","))][:-1]
    tuples = key.drop_nulls().select(pl.concat_str(pl.lit("("), *commas, pl.lit(")")).alias("key"))
    with driver.cursor() as cursor:
        for part in tuples.iter_slices(_KEYS_PER_LOOK):
            wanted = part["key"].str.join(",").item()
            cursor.execute(f"SELECT {quoted} FROM {table.quoted} WHERE ({quoted}) IN ({wanted})")  # noqa: S608
            yield from (tuple(_as_sent(value) for value in row) for row in cursor.fetchall())


def _as_sent(value: Any) -> Any:
    """A time of day comes as a span."""
    return (datetime.min + value).time() if isinstance(value, timedelta) else value
