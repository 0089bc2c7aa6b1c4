"""The port that each dialect's room implements: what databases are asked differently, and nothing else.

The worker's part of it (the clean table, the ways to insert) is dcp_worker.sink.dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec
from sqlalchemy import URL, Connection, Engine

from dcp_pipeline.database.errors import Trouble
from dcp_pipeline.tls import TlsSettings

WRITES = "dcp_writes"
"""Execution option of a connection whose transaction will write: SQLite takes its lock at BEGIN."""


class Wanted(msgspec.Struct, frozen=True):
    """How a database is to be opened. Locks are waited for, and idle write transactions are kept, for the lease."""

    password: str | Callable[[], str] | None
    tls: TlsSettings | None
    lease_seconds: float
    pool_size: int
    read_timeout_seconds: float
    local_infile: bool


class Partitioning(Protocol):
    """Partitions of a clean table, each of identities below a bound of 8 hexadecimal digits; one more for the rest."""

    def bounds(self, connection: Connection, table: str) -> tuple[str, ...] | None:
        """The bounds, in order; None of a table that has no partitions of ours."""

    def add(self, connection: Connection, table: str, bounds: Sequence[str]) -> None:
        """More of them, above those that stand."""

    def part(self, connection: Connection, table: str, key: Sequence[str], bounds: Sequence[str]) -> None:
        """Give a table its first ones, and the primary key that it needs for them."""

    def drop(self, connection: Connection, table: str, bounds: Sequence[str]) -> None:
        """Some of them, with their rows."""


class Dialect(Protocol):
    """A dialect's room."""

    @property
    def partitioning(self) -> Partitioning | None:
        """None where it knows no partitions."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises, beside SQLAlchemy or inside its errors."""

    @property
    def table_options(self) -> str:
        """What stands behind a CREATE TABLE of the ledger."""

    def open(self, url: URL, wanted: Wanted) -> Engine:
        """An engine whose sessions never coerce in silence, work in UTC and never hold locks for long.

        Raises LedgerError where the URL cannot be used. Nothing is connected yet.
        """

    def trouble(self, error: BaseException) -> Trouble:
        """What kind of failure an error of its driver is; OTHER too where it is none of its driver's."""

    def standing(self, connection: Connection, tables: Sequence[str]) -> set[tuple[str, str]]:
        """What stands of these tables: (table, name) for each column and each index, in one query."""

    def ddl_lock(self, connection: Connection) -> AbstractContextManager[None]:
        """Only one process of all that use this database alters tables. Raises TryAgain."""

    def check_server(self, connection: Connection) -> None:
        """Raises SinkDenied where the server is set so that it would refuse the work, saying what to set."""

    def warnings(self, connection: Connection) -> list[str]:
        """A sentence for each setting of the server by which a commit is less than it should be."""

    def snapshot(self, engine: Engine) -> Engine:
        """The engine, with transactions that see one moment of the database."""

    def hex_of(self, column: str) -> str:
        """SQL for a column's bytes as the ledger writes ids."""

    def are_bytes_of(self, column: str, id_column: str) -> str:
        """SQL for `column` holding the bytes of the ledger's id in `id_column`, so that a key of `column` or of the
        id is used."""
