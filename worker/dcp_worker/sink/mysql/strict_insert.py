"""Multi-row INSERT in strict mode: where LOAD DATA is not allowed, and to find the record that the database refuses.

Never IGNORE: identities that stand in the table are looked up first and left out. One that another worker inserts in
between fails the statement, and the whole transaction is done again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import polars as pl
import pymysql
from pymysql.constants import ER
from sqlalchemy import Connection

from dcp_pipeline.database.errors import Trouble
from dcp_pipeline.database.mysql.errors import trouble
from dcp_pipeline.database.transactions import TryAgain
from dcp_worker.sink.insertion import Inserted, Insertion, NotAsSent, Refusal
from dcp_worker.sink.mysql.literals import Chunk, chunks, column_list, row_values
from dcp_worker.sink.mysql.standing import fresh_positions
from dcp_worker.sink.mysql.table import ServerTable
from dcp_worker.sink.shape import RECORD

_STATEMENT_BYTES = 1 << 20
_COLUMN = re.compile(r"for column [`'](?:.*?[`']\.)*[`']?([A-Za-z_][A-Za-z0-9_]*)[`']|[Cc]olumn '([^']+)'")
_KEY_NAME = re.compile(r"for key '(?:[^']*\.)?([^'.]+)'\s*$")


def strict_insert(table: ServerTable, batch_id: str, rows: pl.DataFrame) -> Insertion:
    """How to insert these rows by INSERT; those that the database refuses are left out, each with the reason."""
    values = row_values(rows, batch_id)
    head = f"INSERT INTO {table.quoted} ({column_list(rows.columns)}) VALUES "  # noqa: S608

    def insert(connection: Connection) -> Inserted:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            fresh = fresh_positions(driver, table, rows)
            statements = _Statements(cursor, table, head, values.gather(fresh), rows[fresh])
            refusals: list[Refusal] = []
            for chunk in chunks(statements.values, min(_STATEMENT_BYTES, table.max_packet_bytes // 2)):
                refusals += statements.narrow(chunk)
            return Inserted(len(fresh) - len(refusals), tuple(refusals))

    return insert


class _Statements:
    """The statements of one batch, whole or in ever smaller parts."""

    def __init__(self, cursor: Any, table: ServerTable, head: str, values: pl.Series, rows: pl.DataFrame) -> None:
        self._cursor, self._table, self._head = cursor, table, head
        self.values, self._rows = values, rows

    def _run(self, chunk: Chunk) -> None:
        """Insert a chunk, or raise NotAsSent with the database's reason."""
        count = chunk.end - chunk.start
        if count == 1 and len(self._head) + len(chunk.values.encode()) >= self._table.max_packet_bytes:
            raise NotAsSent("the row is longer than the server's max_allowed_packet")
        try:
            inserted = self._cursor.execute(self._head + chunk.values)
        except pymysql.err.Error as error:
            raise self._judged(error) from error
        warnings = self._cursor.connection.show_warnings() if self._cursor.warning_count else []
        if warnings or inserted != count:
            raise NotAsSent(str(warnings[0][2]) if warnings else f"{inserted} of {count} rows were taken")

    def narrow(self, chunk: Chunk) -> Iterator[Refusal]:
        """Insert a chunk; where a row in it is refused, halve until it is found."""
        self._cursor.execute("SAVEPOINT dcp_rows")
        try:
            self._run(chunk)
        except NotAsSent as error:
            # A statement that only warned has stored its rows.
            self._cursor.execute("ROLLBACK TO SAVEPOINT dcp_rows")
            if chunk.end - chunk.start == 1:
                self._check_still_fresh(chunk)
                yield Refusal(int(self._rows[RECORD][chunk.start]), _column_in(str(error)), str(error))
                return
            middle = (chunk.start + chunk.end) // 2
            for start, end in ((chunk.start, middle), (middle, chunk.end)):
                part = self.values.slice(start, end - start).str.join(",").item()
                yield from self.narrow(Chunk(start, end, part))

    def _check_still_fresh(self, chunk: Chunk) -> None:
        """Raises TryAgain where another worker has just inserted the same record, and a key of the table's own said so
        before that of the identity could."""
        row = self._rows.slice(chunk.start, 1)
        if self._table.twin_keys and not len(fresh_positions(self._cursor.connection, self._table, row)):
            raise TryAgain("another worker inserted the same record just now")

    def _judged(self, error: pymysql.err.Error) -> Exception:
        if trouble(error) is not Trouble.OTHER:
            return error
        code, message = (*error.args, "", "")[:2]
        if code == ER.DUP_ENTRY:
            key = _KEY_NAME.search(str(message))
            if key is not None and key[1] in self._table.identity_keys:
                return TryAgain("another worker inserted the same identity just now")
        if isinstance(error, (pymysql.err.DataError, pymysql.err.IntegrityError, pymysql.err.OperationalError)):
            return NotAsSent(str(message))
        return error


def _column_in(message: str) -> str | None:
    """The column that the database names: its messages differ by version and by kind of error."""
    found = _COLUMN.search(message)
    return next((group for group in found.groups() if group), None) if found else None
