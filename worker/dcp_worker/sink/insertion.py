"""What the ways to insert have in common. The dialects' rooms hold those ways."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import polars as pl
from sqlalchemy import Connection

from dcp_worker.sink.shape import CleanTable


class Refusal(msgspec.Struct, frozen=True):
    """A row that the database itself will not take as it is."""

    record: int
    field: str | None
    reason: str


class Inserted(msgspec.Struct, frozen=True):
    """How many rows are new; the others stand in the table already, or were refused. `expired`: they were too old for
    the spec's retention, and none was inserted."""

    rows: int
    refusals: tuple[Refusal, ...] = ()
    expired: int = 0


Insertion = Callable[[Connection], Inserted]
"""Inserts one batch's rows inside a transaction; may run again after a rollback."""


class NotAsSent(Exception):
    """The fast way would not have stored every row as it was sent; the transaction must be rolled back."""


class NotAllowed(NotAsSent):
    """Server or client does not allow the fast way at all."""


def nothing(_table: CleanTable, _batch_id: str, _rows: pl.DataFrame) -> Insertion:
    """How to insert no rows at all."""
    return lambda _connection: Inserted(0)
