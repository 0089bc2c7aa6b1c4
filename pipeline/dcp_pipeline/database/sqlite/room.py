"""What SQLite is asked in its own way."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.ext.compiler import compiles

from dcp_pipeline.database.columns import Counter, Label, utc_now
from dcp_pipeline.database.dialect import Dialect, Partitioning, Wanted
from dcp_pipeline.database.errors import Trouble
from dcp_pipeline.database.sqlite.errors import trouble
from dcp_pipeline.database.sqlite.session import open_engine


class SQLite:
    """SQLite's room."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    table_options = ""
    partitioning: Partitioning | None = None

    def open(self, url: URL, wanted: Wanted) -> Engine:
        return open_engine(url, wanted)

    def trouble(self, error: BaseException) -> Trouble:
        return trouble(error)

    def standing(self, connection: Connection, tables: Sequence[str]) -> set[tuple[str, str]]:
        named = ", ".join(f"'{table}'" for table in tables)
        query = (
            f"SELECT m.name, c.name FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE m.name IN ({named}) "  # noqa: S608
            f"UNION ALL SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND tbl_name IN ({named})"
        )
        return {(str(table), str(name)) for table, name in connection.exec_driver_sql(query)}

    def ddl_lock(self, connection: Connection) -> AbstractContextManager[None]:
        return nullcontext()  # its transaction is such a lock

    def check_server(self, connection: Connection) -> None:
        return

    def warnings(self, connection: Connection) -> list[str]:
        return []  # its settings are ours (session.py)

    def snapshot(self, engine: Engine) -> Engine:
        return engine  # its transactions are snapshots

    def hex_of(self, column: str) -> str:
        return f"LOWER(HEX({column}))"

    def are_bytes_of(self, column: str, id_column: str) -> str:
        return f"LOWER(HEX({column})) = {id_column}"


DIALECT: Dialect = SQLite()


@compiles(Counter, "sqlite")
def _counter(_element: Counter, _compiler: Any, **_: Any) -> str:
    return "INTEGER"  # only such a key is the row's number, which counts by itself


@compiles(Label, "sqlite")
def _label(_element: Label, _compiler: Any, **_: Any) -> str:
    return "TEXT"


@compiles(utc_now, "sqlite")
def _utc_now(_element: utc_now, _compiler: Any, **_: Any) -> str:
    return "STRFTIME('%Y-%m-%d %H:%M:%f000', 'now')"
