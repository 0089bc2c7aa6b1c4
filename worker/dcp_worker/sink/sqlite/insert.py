"""Into SQLite: one prepared statement for all rows, duplicates left out by the key itself, exactly counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, cast

import polars as pl
from sqlalchemy import Connection

from dcp_worker.sink.insertion import Inserted, Insertion, NotAsSent, Refusal
from dcp_worker.sink.shape import BATCH, ID, RECORD, CleanTable


def sqlite_insert(table: CleanTable, batch_id: str, rows: pl.DataFrame) -> Insertion:
    """How to insert these rows. Raises NotAsSent when run, where the database refuses one."""
    statement, values = _statement(table, batch_id, rows.columns), _values(rows)

    def insert(connection: Connection) -> Inserted:
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        try:
            return Inserted(driver.executemany(statement, values).rowcount if values else 0)
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
            raise NotAsSent(str(error)) from error

    return insert


def careful_sqlite_insert(table: CleanTable, batch_id: str, rows: pl.DataFrame) -> Insertion:
    """The same row by row: those that the database refuses are left out, each with the reason."""
    statement, values = _statement(table, batch_id, rows.columns), _values(rows)
    records = rows[RECORD].to_list()

    def insert(connection: Connection) -> Inserted:
        driver: Any = connection.connection.driver_connection
        inserted, refusals = 0, []
        for record, row in zip(records, values, strict=True):
            try:
                inserted += driver.execute(statement, row).rowcount
            except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
                refusals.append(Refusal(record, _column_in(str(error)), str(error)))
        return Inserted(inserted, tuple(refusals))

    return insert


def _statement(table: CleanTable, batch_id: str, columns: Sequence[str]) -> str:
    one = [] if BATCH in columns else [BATCH]
    names = ", ".join(f'"{name}"' for name in (*columns, *one))
    values = ", ".join([*"?" * len(columns), *(f"x'{bytes.fromhex(batch_id).hex()}'" for _ in one)])
    keys = [", ".join(f'"{name}"' for name in columns) for columns in ((ID,), *table.twin_keys)]
    conflicts = " ".join(f"ON CONFLICT ({key}) DO NOTHING" for key in keys)
    return f"INSERT INTO {table.quoted} ({names}) VALUES ({values}) {conflicts}"  # noqa: S608


def _values(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Rows as SQLite binds them; dates and times as canonical text, which sorts as they do."""
    changed = [_text(name, dtype) for name, dtype in rows.schema.items() if dtype.is_temporal()]
    return rows.with_columns(changed).rows()


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Date:
        return pl.col(name).dt.strftime("%Y-%m-%d")
    pattern = "%H:%M:%S%.6f" if dtype == pl.Time else "%Y-%m-%d %H:%M:%S%.6f"
    return pl.col(name).dt.strftime(pattern)


def _column_in(message: str) -> str | None:
    """From `NOT NULL constraint failed: table.column`."""
    name = message.rsplit(".", 1)[-1]
    return name if "constraint failed: " in message and name.isidentifier() else None
