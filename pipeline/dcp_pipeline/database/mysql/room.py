"""What MySQL and MariaDB are asked in their own way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.ext.compiler import compiles

from dcp_pipeline.database.columns import Ascii, Bytes, Id, Label, LongText, Moment, utc_now
from dcp_pipeline.database.dialect import Dialect, Partitioning, Wanted
from dcp_pipeline.database.errors import Trouble
from dcp_pipeline.database.mysql.durability import durability_warnings
from dcp_pipeline.database.mysql.errors import trouble
from dcp_pipeline.database.mysql.partitions import Partitions
from dcp_pipeline.database.mysql.refusals import check_server
from dcp_pipeline.database.mysql.session import open_engine
from dcp_pipeline.database.transactions import TryAgain

_LOCK_SECONDS = 10


class MySQL:
    """MySQL's room, and MariaDB's."""

    errors: tuple[type[Exception], ...] = (pymysql.err.Error,)
    table_options = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
    partitioning: Partitioning | None = Partitions()

    def open(self, url: URL, wanted: Wanted) -> Engine:
        return open_engine(url, wanted)

    def trouble(self, error: BaseException) -> Trouble:
        return trouble(error)

    def standing(self, connection: Connection, tables: Sequence[str]) -> set[tuple[str, str]]:
        # A table each: asked for several at once, MariaDB opens every table of the database.
        query = " UNION ALL ".join(
            f"SELECT TABLE_NAME, {name} FROM information_schema.{catalogue} "  # noqa: S608
            f"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'"
            for table in tables
            for name, catalogue in (("COLUMN_NAME", "COLUMNS"), ("INDEX_NAME", "STATISTICS"))
        )
        return {(str(table), str(name)) for table, name in connection.exec_driver_sql(query)}

    @contextmanager
    def ddl_lock(self, connection: Connection) -> Iterator[None]:
        name = _lock_name(connection)
        locked = connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), {"name": name, "seconds": _LOCK_SECONDS})
        if locked.scalar() != 1:
            raise TryAgain("another process has been creating tables for long")
        try:
            yield
        finally:
            if not connection.invalidated:  # else it went with the session, and what was lost is to be told
                connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})

    def check_server(self, connection: Connection) -> None:
        check_server(connection)

    def warnings(self, connection: Connection) -> list[str]:
        return durability_warnings(connection)

    def snapshot(self, engine: Engine) -> Engine:
        return engine.execution_options(isolation_level="REPEATABLE READ")

    def hex_of(self, column: str) -> str:
        # MySQL 8 does not compare HEX's result, which is utf8mb4, with the ledger's ASCII.
        return f"CONVERT(LOWER(HEX({column})) USING ascii)"

    def are_bytes_of(self, column: str, id_column: str) -> str:
        return f"{column} = UNHEX({id_column})"


DIALECT: Dialect = MySQL()


def _lock_name(connection: Connection) -> str:
    # Named locks are the whole server's.
    database = str(connection.engine.url.database)
    return "dcp-ddl-" + hashlib.blake2b(database.encode(), digest_size=16).hexdigest()


@compiles(Id, "mysql")
def _id(element: Id, _compiler: Any, **_: Any) -> str:
    return f"CHAR({element.length}) CHARACTER SET ascii COLLATE ascii_bin"


@compiles(Ascii, "mysql")
def _ascii(element: Ascii, _compiler: Any, **_: Any) -> str:
    return f"VARCHAR({element.length}) CHARACTER SET ascii COLLATE ascii_bin"


@compiles(Label, "mysql")
def _label(element: Label, _compiler: Any, **_: Any) -> str:
    return f"VARCHAR({element.length})"


@compiles(LongText, "mysql")
def _long_text(_element: LongText, _compiler: Any, **_: Any) -> str:
    return "MEDIUMTEXT"


@compiles(Bytes, "mysql")
def _bytes(_element: Bytes, _compiler: Any, **_: Any) -> str:
    return "MEDIUMBLOB"


@compiles(Moment, "mysql")
def _moment(_element: Moment, _compiler: Any, **_: Any) -> str:
    return "DATETIME(6)"


@compiles(utc_now, "mysql")
def _utc_now(_element: utc_now, _compiler: Any, **_: Any) -> str:
    return "UTC_TIMESTAMP(6)"
