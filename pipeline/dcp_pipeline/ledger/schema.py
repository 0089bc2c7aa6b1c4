"""Makes the ledger's tables: once, under a named lock, so that processes that start together do not collide."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from dcp_pipeline.database.errors import LedgerVersion
from dcp_pipeline.database.transactions import Transactions, TryAgain
from dcp_pipeline.ledger.tables import META, METADATA, SCHEMA_VERSION

_LOCK_SECONDS = 10


def prepare_schema(engine: Engine) -> None:
    """Make the ledger's tables where they do not stand yet.

    Raises LedgerVersion where a newer release made them, SinkUnavailable.
    """
    transactions = Transactions(engine)
    if not transactions.read(_is_current):
        transactions.write(_create)


@contextmanager
def ddl_lock(connection: Connection) -> Iterator[None]:
    """Only one process of all that use this database alters tables. SQLite's transaction is such a lock itself."""
    if connection.dialect.name == "sqlite":
        yield
        return
    name = _lock_name(connection)
    locked = connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), {"name": name, "seconds": _LOCK_SECONDS})
    if locked.scalar() != 1:
        raise TryAgain("another process has been creating tables for long")
    try:
        yield
    finally:
        if not connection.invalidated:  # else it went with the session, and what was lost is to be told
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})


def _lock_name(connection: Connection) -> str:
    # Named locks are the whole server's.
    database = str(connection.engine.url.database)
    return "dcp-ddl-" + hashlib.blake2b(database.encode(), digest_size=16).hexdigest()


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table(META.name):
        return False
    recorded = connection.execute(select(META.c.value).where(META.c.name == "schema")).scalar()
    if recorded is not None and int(recorded) > SCHEMA_VERSION:
        raise LedgerVersion(
            f"the ledger's tables are of version {recorded}, made by a newer release; this one knows {SCHEMA_VERSION}"
        )
    return recorded is not None


def _create(connection: Connection) -> None:
    with ddl_lock(connection):
        if _is_current(connection):
            return
        METADATA.create_all(connection)
        connection.execute(insert(META).values(name="schema", value=str(SCHEMA_VERSION)))
        # Before the lock is given back: the next one must see it.
        connection.commit()
