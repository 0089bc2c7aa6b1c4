"""`dcp migrate`: a table of an older release gets identities that begin with their order (docs/adr/0088).

Every step may be killed and is found done, half done or not begun by the next call. While a table is being moved nobody
writes to it: workers find the mark in the ledger inside of their transactions, and new ones wait. Each dialect's room
has its way (move.py); the steps and their order are here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, update

from dcp_pipeline.database.errors import LedgerError, TableMismatch
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.ledger.claims import is_moving, moving_key
from dcp_pipeline.ledger.tables import META
from dcp_pipeline.spec.model import Cleaning, FieldType
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.identity import Identity, identity_of, words
from dcp_worker.sink.table import identity_key, recorded_identity

Told = Callable[[int], None]
"""Is told how many rows were moved since it was told last."""


class Move(msgspec.Struct, frozen=True):
    """A table that is being moved. Without a field, identities begin with the record's place."""

    table: str
    quoted: str
    field: str | None
    kind: FieldType = "integer"


class Way(Protocol):
    """How a dialect moves a table."""

    def refusal(self, connection: Connection, move: Move) -> str | None:
        """Why this table cannot be moved; None where it can."""

    def begin(self, connection: Connection, move: Move) -> None:
        """Wait for transactions that began before the mark, and make the place to move to."""

    def parts(self, connection: Connection, move: Move) -> Iterator[object]:
        """What is moved in a transaction each, in order."""

    def carry(self, connection: Connection, move: Move, part: object) -> int:
        """Move a part, unless it was moved already; how many rows."""

    def compare(self, connection: Connection, move: Move) -> None:
        """Raises LedgerError where what was moved is not what stood there."""

    def finish(self, connection: Connection, move: Move) -> str | None:
        """Put it into its place; where the old table is now."""

    def undo(self, connection: Connection, move: Move) -> None:
        """As it was before begin."""


class Moved(msgspec.Struct, frozen=True):
    """What was done: nothing, for `reason`; or `rows` were moved, and `before` is what the old table is called now."""

    reason: str | None = None
    rows: int = 0
    before: str | None = None


def migrate(engine: Engine, name: str, cleaning: Cleaning, told: Told = lambda rows: None) -> Moved:
    """Move a table, or go on where another call ended.

    Raises TableMismatch, LedgerError where it cannot be moved or was not moved whole, SinkUnavailable.
    """
    transactions, way = Transactions(engine), sink_dialect_of(engine).way_to_move()
    move = _move(engine, name, cleaning)
    reason = transactions.write(lambda each: _mark(each, way, move, cleaning))
    if reason is not None:
        return Moved(reason)
    transactions.write(lambda each: way.begin(each, move))
    rows = 0
    for part in transactions.read(lambda each: list(way.parts(each, move))):
        moved = transactions.write(lambda each, part=part: way.carry(each, move, part))  # type: ignore[misc]
        rows += moved
        told(moved)
    transactions.read(lambda each: way.compare(each, move))
    before = transactions.write(lambda each: way.finish(each, move))
    transactions.write(lambda each: _unmark(each, move))
    return Moved(rows=rows, before=before)


def abandon(engine: Engine, name: str, cleaning: Cleaning) -> Moved:
    """Give a move up: the table is what it was, and workers go on. Raises SinkUnavailable."""
    transactions, way = Transactions(engine), sink_dialect_of(engine).way_to_move()
    move = _move(engine, name, cleaning)
    if not transactions.read(lambda each: is_moving(each, name)):
        return Moved("it is not being moved")
    transactions.write(lambda each: way.undo(each, move))
    transactions.write(lambda each: _unmark(each, move, identity_of(cleaning, ordered=False)))
    return Moved()


def _move(engine: Engine, name: str, cleaning: Cleaning) -> Move:
    quoted, field = engine.dialect.identifier_preparer.quote_identifier(name), cleaning.ordered_by
    return Move(name, quoted, None) if field is None else Move(name, quoted, field.name, field.type)


def _mark(connection: Connection, way: Way, move: Move, cleaning: Cleaning) -> str | None:
    """Say in the ledger that the table is being moved; why there is nothing to do, else None."""
    with dialect_of(connection).ddl_lock(connection):
        recorded, wanted = recorded_identity(connection, move.table), identity_of(cleaning, ordered=True)
        if recorded is None:
            return "there is no table of this pipeline yet; a new one is made in the new way"
        if is_moving(connection, move.table):
            return None
        if recorded.ordered:
            return "its identities begin with their order already"
        if not wanted.ordered:
            return "cleaning.unique names neither a time nor an integer to keep it in the order of"
        if recorded.unique != wanted.unique:
            raise TableMismatch(
                f"table {move.table}: its rows are identified by {words(recorded)}, the spec says {words(wanted)}"
            )
        refusal = way.refusal(connection, move)
        if refusal is not None:
            raise LedgerError(f"table {move.table} cannot be moved, and goes on as it is: {refusal}")
        _record(connection, move, wanted)
        connection.execute(insert(META).values(name=moving_key(move.table), value="dcp migrate"))
        connection.commit()
    return None


def _record(connection: Connection, move: Move, identity: Identity) -> None:
    # An older release reads the version, and refuses the table from now on.
    document = msgspec.json.encode(identity).decode()
    connection.execute(update(META).where(META.c.name == identity_key(move.table)).values(value=document))


def _unmark(connection: Connection, move: Move, identity: Identity | None = None) -> None:
    if identity is not None:
        _record(connection, move, identity)
    connection.execute(delete(META).where(META.c.name == moving_key(move.table)))
