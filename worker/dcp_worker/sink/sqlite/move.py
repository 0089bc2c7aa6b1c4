"""Moves a table of SQLite where it stands: identities are made longer, some thousand rows a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, cast

import polars as pl
from sqlalchemy import Connection

from dcp_pipeline.database.errors import LedgerError
from dcp_worker.ground.order import as_hex, order_of_field, order_of_place
from dcp_worker.sink.identity import PLAIN, id_bytes
from dcp_worker.sink.moving import Move, Way
from dcp_worker.sink.shape import BATCH, ID, RECORD

_ROWS_TOGETHER = 10_000


class InPlace:
    """The way of SQLite, whose columns have no width."""

    def refusal(self, connection: Connection, move: Move) -> str | None:
        return None

    def begin(self, connection: Connection, move: Move) -> None:
        return  # its writers take turns: whoever writes next sees the mark

    def parts(self, connection: Connection, move: Move) -> Iterator[object]:
        last = connection.exec_driver_sql(f"SELECT MAX(rowid) FROM {move.quoted}").scalar() or 0  # noqa: S608
        yield from range(0, int(last) + 1, _ROWS_TOGETHER)

    def carry(self, connection: Connection, move: Move, part: object) -> int:
        first = cast(int, part)
        field = f't."{move.field}"' if move.field else "NULL"
        query = (
            f'SELECT t.rowid, t."{ID}", t."{RECORD}", {field}, b.object_id FROM {move.quoted} t '  # noqa: S608
            f'LEFT JOIN dcp_batches b ON b.id = LOWER(HEX(t."{BATCH}")) '
            f'WHERE t.rowid >= ? AND t.rowid < ? AND LENGTH(t."{ID}") = {PLAIN}'
        )
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        rows = driver.execute(query, (first, first + _ROWS_TOGETHER)).fetchall()
        if rows:
            longer = [
                (bytes.fromhex(begun) + row[1], row[0]) for begun, row in zip(_begun(move, rows), rows, strict=True)
            ]
            driver.executemany(f'UPDATE {move.quoted} SET "{ID}" = ? WHERE rowid = ?', longer)  # noqa: S608
        return len(rows)

    def compare(self, connection: Connection, move: Move) -> None:
        others = f'SELECT COUNT(*) FROM {move.quoted} WHERE LENGTH("{ID}") <> {id_bytes(True)}'  # noqa: S608
        left = connection.exec_driver_sql(others).scalar_one()
        if left:
            raise LedgerError(f"table {move.table}: {left} rows have identities of another length; --abandon goes back")

    def finish(self, connection: Connection, move: Move) -> str | None:
        return None

    def undo(self, connection: Connection, move: Move) -> None:
        longer = f'LENGTH("{ID}") = {id_bytes(True)}'
        begins = id_bytes(True) - PLAIN + 1
        connection.exec_driver_sql(f'UPDATE {move.quoted} SET "{ID}" = SUBSTR("{ID}", {begins}) WHERE {longer}')  # noqa: S608


WAY: Way = InPlace()


def _begun(move: Move, rows: list[tuple[Any, ...]]) -> list[str]:
    """What each row's identity begins with, as hexadecimal digits."""
    if move.field is None:
        places = pl.DataFrame({"record": [row[2] for row in rows], "object": [row[4] for row in rows]})
        if places["object"].null_count():
            raise LedgerError(
                f"table {move.table} has rows of batches that the ledger does not know: `dcp verify` names them"
            )
        digits = {
            each: places.select(as_hex(order_of_place(each, pl.col("record")))).to_series()
            for each in places["object"].unique()
        }
        return [digits[each][at] for at, each in enumerate(places["object"])]
    values = pl.Series("v", [row[3] for row in rows], dtype=pl.Int64 if move.kind == "integer" else pl.String)
    if move.kind == "date":
        values = values.str.to_date("%Y-%m-%d")
    elif move.kind == "datetime":
        values = values.str.to_datetime("%Y-%m-%d %H:%M:%S%.6f", time_unit="us")
    return values.to_frame().select(as_hex(order_of_field("v", move.kind))).to_series().to_list()
