"""Moves a table of SQLite where it stands: identities are made longer, some thousand rows a transaction."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any, cast

import polars as pl
from sqlalchemy import Connection, text

from dcp_pipeline.database.errors import LedgerError
from dcp_worker.ground.order import ORDER_BYTES, as_hex, order_of_field, order_of_place
from dcp_worker.sink.identity import PLAIN, id_bytes
from dcp_worker.sink.migrating.moving import Move, Way
from dcp_worker.sink.shape import BATCH, ID, RECORD

_ROWS_TOGETHER = 10_000
_MADE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND LOWER(name) = LOWER(:t)"
_WITHOUT_ROWID = re.compile(r"\)[^)]*WITHOUT\s+ROWID[^)]*$", re.IGNORECASE)
_COLUMNS = "SELECT name FROM pragma_table_xinfo(:t)"
_DEPENDENTS = """
    SELECT 'the trigger ' || name FROM sqlite_master WHERE type = 'trigger' AND LOWER(tbl_name) = LOWER(:t)
    UNION SELECT 'a foreign key of ' || m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f
    WHERE m.type = 'table' AND (LOWER(m.name) = LOWER(:t) OR LOWER(f."table") = LOWER(:t))"""
_KEPT = {
    "integer": "TYPEOF({v}) = 'integer'",
    "date": "TYPEOF({v}) = 'text' AND STRFTIME('%Y-%m-%d', {v}, '+0 days') = {v}",
    "datetime": "TYPEOF({v}) = 'text' AND SUBSTR({v}, 1, 19) = "
    "STRFTIME('%Y-%m-%d %H:%M:%S', SUBSTR({v}, 1, 19), '+0 days') "
    "AND SUBSTR({v}, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'",
}
"""How values of a type stand there. A column of SQLite takes any others, too, of whoever else writes to it."""


class InPlace:
    """The way of SQLite, whose columns have no width."""

    def refusal(self, connection: Connection, move: Move) -> str | None:
        made = str(connection.execute(text(_MADE), {"t": move.table}).scalar())
        if _WITHOUT_ROWID.search(made):
            return "it is WITHOUT ROWID, so its rows have no number to find them by"
        named = [str(each) for each in connection.execute(text(_COLUMNS), {"t": move.table}).scalars()]
        if any(each.lower() == "rowid" for each in named):
            return "it has a column rowid of its owner's, which hides the number of a row"
        dependents = [str(each) for each in connection.execute(text(_DEPENDENTS), {"t": move.table}).scalars()]
        if dependents:
            return f"{', '.join(dependents)} of its owner's would see each row change"
        texts = f"SELECT COUNT(*) FROM {move.quoted} WHERE TYPEOF(\"{ID}\") <> 'blob'"  # noqa: S608
        if count := connection.exec_driver_sql(texts).scalar_one():
            return f"{count} rows have identities that are no bytes, so somebody else wrote them"
        if move.field is not None:
            kept = f"COALESCE({_KEPT[move.kind]}, 0)"
            others = f'SELECT COUNT(*) FROM {move.quoted} WHERE "{move.field}" IS NOT NULL AND NOT {kept}'  # noqa: S608
            count = connection.exec_driver_sql(others.replace("{v}", f'"{move.field}"')).scalar_one()
            if count:
                return f"{count} values of {move.field} are none of type {move.kind} as the spec has it"
        return None

    def comment(self, connection: Connection, move: Move) -> str:
        return ""

    def begin(self, connection: Connection, move: Move) -> None:
        return  # its writers take turns: whoever writes next sees the mark

    def parts(self, connection: Connection, move: Move) -> Iterator[object]:
        page = f"SELECT rowid AS n FROM {move.quoted} WHERE rowid >= ? ORDER BY rowid LIMIT {_ROWS_TOGETHER}"  # noqa: S608
        first = -(2**63)
        while True:
            query = f"SELECT MIN(n), MAX(n) FROM ({page})"  # noqa: S608
            least, most = connection.exec_driver_sql(query, (first,)).one()
            if most is None:
                return
            yield int(least), int(most)
            if most == 2**63 - 1:
                return
            first = int(most) + 1

    def carry(self, connection: Connection, move: Move, part: object) -> int:
        driver, rows = self._rows(connection, move, part, PLAIN)
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
        for part in self.parts(connection, move):
            _, rows = self._rows(connection, move, part, id_bytes(True))
            begun = _begun(move, rows) if rows else []
            wrong = sum(row[1][:ORDER_BYTES].hex() != each for each, row in zip(begun, rows, strict=True))
            if wrong:
                raise LedgerError(
                    f"table {move.table}: {wrong} identities do not begin with their order; --abandon goes back"
                )

    def _rows(
        self, connection: Connection, move: Move, part: object, length: int
    ) -> tuple[sqlite3.Connection, list[tuple[Any, ...]]]:
        """A part's rows whose identities are so long."""
        field = f't."{move.field}"' if move.field else "NULL"
        query = (
            f'SELECT t.rowid, t."{ID}", t."{RECORD}", {field}, b.object_id FROM {move.quoted} t '  # noqa: S608
            f'LEFT JOIN dcp_batches b ON b.id = LOWER(HEX(t."{BATCH}")) '
            f'WHERE t.rowid BETWEEN ? AND ? AND LENGTH(t."{ID}") = {length}'
        )
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        return driver, driver.execute(query, cast(tuple[int, int], part)).fetchall()

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
