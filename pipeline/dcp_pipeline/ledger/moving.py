"""The mark of a clean table that `dcp migrate` is at work on: nobody else writes to it, or takes rows away."""

from __future__ import annotations

from sqlalchemy import Connection, select

from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.ledger.tables import META


def moving_key(table: str) -> str:
    """The mark's name in dcp_meta."""
    return f"moving/{table}"


def is_moving(connection: Connection, table: str) -> bool:
    """Whether a table is being moved."""
    return connection.execute(select(META.c.name).where(META.c.name == moving_key(table))).first() is not None


def check_stays(connection: Connection, table: str) -> None:
    """Raises SinkUnavailable while a table is being moved."""
    if is_moving(connection, table):
        raise SinkUnavailable(
            f"table {table} is being moved by `dcp migrate`: work goes on once that has ended; where it was killed, "
            "run it again, or with --abandon"
        )
