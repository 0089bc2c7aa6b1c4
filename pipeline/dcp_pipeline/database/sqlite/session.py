"""Sessions of SQLite: write-ahead log, each commit on disk, and writers that wait for their turn."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from dcp_pipeline.database.dialect import WRITES, Wanted


def open_engine(url: URL, wanted: Wanted) -> Engine:
    """An engine; nothing is opened yet."""
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        connect_args={"timeout": wanted.lease_seconds},
        pool_size=wanted.pool_size,
        max_overflow=0,
        pool_timeout=30,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    # Transactions begin where we say (_begin), not where the driver guesses.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        # FULL, not NORMAL: a commit is on disk before the queue forgets the batch and the inbox its task. It costs
        # one fsync per batch.
        "synchronous = FULL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        # KiB of page cache for each connection. A larger one brought no speed: the system's own cache serves.
        "cache_size = -512",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once where another one wrote meanwhile; IMMEDIATE
    # waits for its turn.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
