"""LOAD DATA LOCAL INFILE from memory: the fast way into MySQL and MariaDB, checked so that nothing is coerced.

LOCAL implies IGNORE: the server cuts, rounds and zeroes what does not fit and goes on. So its account is checked:
every row sent was seen, and every warning is a row skipped as a duplicate of our own identity. Anything else, and the
transaction is rolled back to be done again by strict_insert.py.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, cast

import polars as pl
import pymysql
from pymysql.constants import ER
from sqlalchemy import Connection

from dcp_pipeline.database.mysql.connection import OFFERED_NAME, LoadResult, MemoryInfileConnection
from dcp_pipeline.database.mysql.errors import error_code
from dcp_worker.sink.insertion import Inserted, Insertion, NotAllowed, NotAsSent
from dcp_worker.sink.mysql.literals import DATETIME_FORMAT, TIME_FORMAT
from dcp_worker.sink.mysql.standing import fresh_positions
from dcp_worker.sink.shape import BATCH, CleanTable

_MOST_ROWS = 50_000
"""Of one statement: so many warnings at most, and a session shows 65,535."""
_NOT_ALLOWED = {1148, 2068, 3948, 3950, 4166}
_KEY_NAME = re.compile(r"for key '(?:[^']*\.)?([^'.]+)'\s*$")


def load_data(table: CleanTable, batch_id: str, rows: pl.DataFrame) -> Insertion:
    """How to insert these rows by LOAD DATA. Raises NotAsSent when run, where it would change a value."""
    contents = _contents(rows)

    def insert(connection: Connection) -> Inserted:
        return Inserted(_load_all(connection, table, _statement(table, batch_id, rows), contents))

    return insert


def load_fresh(table: CleanTable, batch_id: str, rows: pl.DataFrame) -> Insertion:
    """The same for rows of which many stand in the table: those are looked up and not sent. The server takes five
    times as long to refuse a duplicate as to find it, and LOAD DATA still has the last word."""

    def insert(connection: Connection) -> Inserted:
        positions = fresh_positions(connection.connection.driver_connection, table, rows)
        fresh = rows if len(positions) == rows.height else rows[positions]
        return Inserted(_load_all(connection, table, _statement(table, batch_id, rows), _contents(fresh)))

    return insert


def _contents(rows: pl.DataFrame) -> list[tuple[int, bytes]]:
    return [_content(part) for part in rows.iter_slices(_MOST_ROWS)] if rows.height else []


def _load_all(connection: Connection, table: CleanTable, statement: str, contents: list[tuple[int, bytes]]) -> int:
    # Beside SQLAlchemy: the statement and the bytes for it go together.
    driver = cast(MemoryInfileConnection, connection.connection.driver_connection)
    return sum(_load(driver, table, statement, *content) for content in contents)


def _load(driver: MemoryInfileConnection, table: CleanTable, statement: str, rows: int, content: bytes) -> int:
    try:
        result = driver.load_data(statement, content)
    except pymysql.err.Error as error:
        if error_code(error) in _NOT_ALLOWED:
            raise NotAllowed(f"LOAD DATA LOCAL is not allowed: {error}") from error
        raise
    if result.records != rows:
        raise NotAsSent(f"{rows} rows were sent and {result.records} seen")
    if result.warnings != result.skipped:
        raise NotAsSent(f"{result.warnings} warnings for {result.skipped} skipped rows")
    if result.warnings:
        _check_warnings(driver, table, result)
    return rows - result.skipped


def _check_warnings(driver: MemoryInfileConnection, table: CleanTable, result: LoadResult) -> None:
    shown = 0
    for code, message in _warnings(driver):
        shown += 1
        key = _KEY_NAME.search(message)
        if code != ER.DUP_ENTRY or key is None or key[1] not in table.identity_keys:
            raise NotAsSent(f"{message} ({code})")
    if shown != result.warnings:
        raise NotAsSent(f"{result.warnings} warnings, of which {shown} were shown")


def _warnings(driver: Any) -> Iterator[tuple[int, str]]:
    with driver.cursor() as cursor:
        cursor.execute("SHOW WARNINGS")
        for _, code, message in cursor.fetchall():
            yield int(code), message


def _statement(table: CleanTable, batch_id: str, rows: pl.DataFrame) -> str:
    columns = []
    settings = [] if BATCH in rows.columns else [f"`{BATCH}` = x'{bytes.fromhex(batch_id).hex()}'"]
    for name, dtype in rows.schema.items():
        if dtype == pl.Binary:
            columns.append(f"@{name}")
            settings.append(f"`{name}` = UNHEX(@{name})")
        else:
            columns.append(f"`{name}`")
    # Every text is enclosed, and a bare NULL is null: so 'NULL', '' and null are three things.
    return (
        f"LOAD DATA LOCAL INFILE '{OFFERED_NAME}' INTO TABLE {table.quoted} CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n' "
        f"({', '.join(columns)}) SET {', '.join(settings)}"
    )


def _content(rows: pl.DataFrame) -> tuple[int, bytes]:
    """The number of rows, and their text."""
    changed = [pl.col(name).bin.encode("hex") for name, dtype in rows.schema.items() if dtype == pl.Binary]
    changed += [pl.col(name).cast(pl.Int8) for name, dtype in rows.schema.items() if dtype == pl.Boolean]
    content = io.BytesIO()
    rows.with_columns(changed).write_csv(
        content,
        include_header=False,
        separator=",",
        line_terminator="\n",
        quote_char='"',
        quote_style="non_numeric",
        null_value="NULL",
        datetime_format=DATETIME_FORMAT,
        date_format="%Y-%m-%d",
        time_format=TIME_FORMAT,
    )
    return rows.height, content.getvalue()
