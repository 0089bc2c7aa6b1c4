"""A fresh database for a test: a SQLite file, or one on the MariaDB or MySQL that the test session shares."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from dcp_pipeline.ledger import connect
from support.mariadb_server import MariaDBServer, mariadb_missing, shared_mariadb
from support.mysql_server import mysql_missing, shared_mysql

OF_DRIVERS = (SQLAlchemyError, pymysql.err.Error, sqlite3.Error)
"""What a database call can raise, through SQLAlchemy or beside it."""
SERVERS = ("mariadb", "mysql")
PIPELINE = "default/test"
"""Whose ledger is in them, where a test says nothing else."""
KINDS = ("sqlite", *SERVERS)
_SERVERS: dict[str, tuple[Callable[[], str | None], Callable[[], MariaDBServer]]] = {
    "mariadb": (mariadb_missing, shared_mariadb),
    "mysql": (mysql_missing, shared_mysql),
}
_NUMBERS = itertools.count()


@dataclass
class Database:
    """Where a test's ledger and table are."""

    kind: str
    url: str
    password: str | None
    engine: Engine
    server: MariaDBServer | None = None

    def connect(self, **options: Any) -> Engine:
        """One more engine on it."""
        return connect(self.url, password=self.password, **options)

    def connect_as(self, user: str) -> Engine:
        """One more engine on it, of a user whom `server.grant` made."""
        return connect(str(self.engine.url.set(username=user)), password=self.password)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement as the administrator, committed; its rows."""
        if self.server is not None:
            return self.server.execute(statement, self.engine.url.database)
        with self.engine.connect() as connection:
            result = connection.execute(text(statement.replace(":", r"\:")))
            rows = [tuple(row) for row in result] if result.returns_rows else []
            connection.commit()
        return rows


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[Database]:
    """An empty database; `kind` is one of KINDS."""
    if kind == "sqlite":
        url, password, server = f"sqlite:///{folder / 'clean.db'}", None, None
    else:
        missing, shared = _SERVERS[kind]
        if missing():
            pytest.skip(str(missing()))
        server = shared()
        url, password = server.create_database(f"test_{next(_NUMBERS)}"), server.password
    engine = connect(url, password=password, lease_seconds=10)
    try:
        yield Database(kind, url, password, engine, server)
    finally:
        engine.dispose()
