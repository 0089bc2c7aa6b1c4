"""The sink in the cluster as a test sees it: its rows, locks on its table, and a table that takes its time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from oracle.compare import rows_of

TABLE = "botnet"


def digest(engine: Engine) -> str:
    """Of the clean rows in their order, without the column that says which batch brought them."""
    seen = hashlib.sha256()
    for row in sorted(rows_of(engine, TABLE), key=repr):
        seen.update(repr(row).encode())
    return seen.hexdigest()


def count(engine: Engine) -> int:
    """How many rows the clean table has."""
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {TABLE}")).scalar_one())


def pending(engine: Engine) -> int:
    """Batches that are cut and not yet done."""
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT COUNT(*) FROM dcp_batches WHERE state = 'cut'")).scalar_one())


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Nobody gets at the clean table while the block lasts: work stays in the queue and in the workers' hands."""
    with engine.connect() as connection:
        connection.execute(text(f"LOCK TABLES {TABLE} WRITE"))
        try:
            yield
        finally:
            connection.execute(text("UNLOCK TABLES"))
            connection.invalidate()


def make_slow(engine: Engine, seconds_per_row: float) -> None:
    """Every row takes its time from now on. To be called when the workers have checked the table: they refuse one
    with triggers."""
    with engine.connect() as connection:
        connection.execute(
            text(f"CREATE TRIGGER slow BEFORE INSERT ON {TABLE} FOR EACH ROW SET @slept = SLEEP({seconds_per_row})")
        )


def make_fast(engine: Engine) -> None:
    """Undo make_slow; it waits for the statement that is being slowed."""
    with engine.connect() as connection:
        connection.execute(text("DROP TRIGGER slow"))
