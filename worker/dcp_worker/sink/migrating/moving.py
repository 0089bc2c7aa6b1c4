"""`dcp migrate`: a table of an older release gets identities that begin with their order (docs/adr/0088).

Every step may be killed and is found done, half done or not begun by the next call. While a table is being moved nobody
writes to it: workers find the mark in the ledger inside of their transactions, and new ones wait. Each dialect's room
has its way (move.py); the steps and their order are here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, delete, insert, select, update

from dcp_pipeline.database.errors import LedgerError, TableMismatch
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.ledger.claims import moving_key
from dcp_pipeline.ledger.tables import META
from dcp_pipeline.spec.model import Cleaning, FieldType
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.fit import limits_of
from dcp_worker.sink.identity import Identity, identity_of, same, words
from dcp_worker.sink.table import identity_key, recorded_identity

Told = Callable[[int], None]
"""Is told how many rows were moved since it was told last."""


class Move(msgspec.Struct, frozen=True):
    """A table that is being moved. Without a field, identities begin with the record's place."""

    table: str
    quoted: str
    field: str | None
    kind: FieldType = "integer"
    comment: str = ""
    """Its owner's, which it gets back."""


class Mark(msgspec.Struct, frozen=True):
    """What the ledger has of a table while it is moved: what its rows were and will be identified by."""

    before: Identity
    after: Identity
    comment: str = ""


class Way(Protocol):
    """How a dialect moves a table."""

    def refusal(self, connection: Connection, move: Move) -> str | None:
        """Why this table cannot be moved; None where it can."""

    def comment(self, connection: Connection, move: Move) -> str:
        """What its owner says of the table."""

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
    marked = transactions.write(lambda each: _mark(each, way, name, cleaning))
    if isinstance(marked, str):
        return Moved(marked)
    move = _move(engine, name, marked)
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


def abandon(engine: Engine, name: str) -> Moved:
    """Give a move up: the table is what it was, and workers go on, whatever the spec says now.

    Raises LedgerError where it is moved already, SinkUnavailable.
    """
    transactions, way = Transactions(engine), sink_dialect_of(engine).way_to_move()
    marked = transactions.read(lambda each: _marked(each, name))
    if marked is None:
        return Moved("it is not being moved")
    move = _move(engine, name, marked)
    transactions.write(lambda each: way.undo(each, move))
    transactions.write(lambda each: _unmark(each, move, marked.before))
    return Moved()


def _move(engine: Engine | Connection, name: str, mark: Mark) -> Move:
    quoted, after = engine.dialect.identifier_preparer.quote_identifier(name), mark.after
    return Move(name, quoted, after.ordered_by, after.kind or "integer", mark.comment)


def _marked(connection: Connection, name: str) -> Mark | None:
    document = connection.execute(select(META.c.value).where(META.c.name == moving_key(name))).scalar()
    return None if document is None else msgspec.json.decode(document, type=Mark)


def _mark(connection: Connection, way: Way, name: str, cleaning: Cleaning) -> Mark | str:
    """Say in the ledger that the table is being moved; or why there is nothing to do."""
    with dialect_of(connection).ddl_lock(connection):
        recorded, wanted = recorded_identity(connection, name), identity_of(cleaning, ordered=True)
        if recorded is None:
            return "there is no table of this pipeline yet; a new one is made in the new way"
        marked = _marked(connection, name)
        if marked is not None:
            _check_goes_on(name, marked, wanted)
            return replace(marked, after=wanted)  # with the type, which a mark need not name
        if recorded.ordered:
            return "its identities begin with their order already"
        if not wanted.ordered:
            return "cleaning.unique names neither a time nor an integer to keep it in the order of"
        if recorded.unique != wanted.unique:
            raise TableMismatch(
                f"table {name}: its rows are identified by {words(recorded)}, the spec says {words(wanted)}"
            )
        mark = _possible(connection, way, name, cleaning, Mark(recorded, wanted))
        _record(connection, name, wanted)
        document = msgspec.json.encode(mark).decode()
        connection.execute(insert(META).values(name=moving_key(name), value=document))
        connection.commit()
    return mark


def _check_goes_on(name: str, marked: Mark, wanted: Identity) -> None:
    if not same(marked.after, wanted):
        raise TableMismatch(
            f"table {name} is being moved to rows that are identified by {words(marked.after)}, and the spec says "
            f"{words(wanted)} now: put the spec back and run this again, or give it up with --abandon"
        )


def _possible(connection: Connection, way: Way, name: str, cleaning: Cleaning, mark: Mark) -> Mark:
    """The mark, with what is to be remembered of the table. Raises TableMismatch, LedgerError."""
    move, dialect = _move(connection, name, mark), sink_dialect_of(connection)
    observed = dialect.observe_table(connection, name)
    if observed is None:
        raise LedgerError(f"table {name} is not there")
    quote = connection.dialect.identifier_preparer.quote_identifier
    limits_of(dialect, observed, cleaning, mark.before.bytes, quote)
    refusal = way.refusal(connection, move)
    if refusal is not None:
        raise LedgerError(f"table {name} cannot be moved, and goes on as it is: {refusal}")
    return replace(mark, comment=way.comment(connection, move))


def _record(connection: Connection, name: str, identity: Identity) -> None:
    # An older release reads the version, and refuses the table from now on.
    document = msgspec.json.encode(identity).decode()
    connection.execute(update(META).where(META.c.name == identity_key(name)).values(value=document))


def _unmark(connection: Connection, move: Move, identity: Identity | None = None) -> None:
    if identity is not None:
        _record(connection, move.table, identity)
    connection.execute(delete(META).where(META.c.name == moving_key(move.table)))
