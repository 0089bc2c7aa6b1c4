"""Makes the clean table or checks the one that stands, at start and under the lock that all DDL is done under."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, insert, inspect, select

from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.errors import NeedsAPerson, TableMismatch
from dcp_pipeline.database.horizon import horizon_key
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.ledger.claims import check_stays, moving_key
from dcp_pipeline.ledger.expiring.mark import NOTHING, make_notes
from dcp_pipeline.ledger.expiring.plan import Kept, first_bounds
from dcp_pipeline.ledger.tables import META, PREFIX
from dcp_pipeline.spec.model import Cleaning, Retention
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.fit import identity_keys, limits_of, twin_keys
from dcp_worker.sink.identity import PLAIN, Identity, id_bytes, identity_kept, identity_of, same, words
from dcp_worker.sink.shape import ID, CleanTable, ObservedTable


class HorizonMoved(Exception):
    """Other rows have expired meanwhile than those that were left out; nothing was written."""

    def __init__(self, horizon: str) -> None:
        super().__init__(f"the horizon is {horizon or 'nowhere'} now")
        self.horizon = horizon


class Prepared(msgspec.Struct, frozen=True):
    """A table that can be written to, and what its columns can hold."""

    table: CleanTable
    limits: Mapping[str, ColumnLimit]


def prepare_table(
    connection: Connection, cleaning: Cleaning, name: str, retention: Retention | None = None
) -> Prepared:
    """Make the table where there is none, and check it.

    Raises TableMismatch.
    """
    if name.lower().startswith(PREFIX):
        raise TableMismatch(f"table {name}: names that start with {PREFIX} are the ledger's; name it otherwise")
    quote, dialect = connection.dialect.identifier_preparer.quote_identifier, sink_dialect_of(connection)
    with dialect_of(connection).ddl_lock(connection):
        check_stays(connection, name)
        recorded = recorded_identity(connection, name)
        observed = dialect.observe_table(connection, name)
        identity = _identity(connection, cleaning, recorded, observed)
        _check_same(name, identity, recorded)
        kept = _kept(name, identity, retention)
        made = observed is None
        if observed is None:
            bounds = () if kept is None else first_bounds(kept, connection.execute(select(utc_now())).scalar_one())
            connection.exec_driver_sql(dialect.create_table(name, cleaning.columns, identity.bytes, quote, bounds))
            observed = dialect.observe_table(connection, name)
            assert observed is not None
        limits = limits_of(dialect, observed, cleaning, identity.bytes, quote)
        if recorded is None:
            record_identity(connection, name, identity)
        make_notes(connection, name, anew=made)
        connection.commit()
    twins = tuple(key.columns for key in twin_keys(observed, cleaning.unique))
    table = CleanTable(
        observed.name, quote(name), identity_keys(observed), twins, identity.ordered, identity.ordered_by
    )
    return Prepared(dialect.writable(connection, table), limits)


def look_at_table(connection: Connection, cleaning: Cleaning, name: str) -> bool:
    """Whether the table stands. Nothing is made or written.

    Raises TableMismatch where it stands and cannot be written to.
    """
    quote, dialect = connection.dialect.identifier_preparer.quote_identifier, sink_dialect_of(connection)
    observed = dialect.observe_table(connection, name)
    recorded = recorded_identity(connection, name) if inspect(connection).has_table(META.name) else None
    identity = _identity(connection, cleaning, recorded, observed)
    if observed is not None:
        _check_same(name, identity, recorded)
        limits_of(dialect, observed, cleaning, identity.bytes, quote)
    return observed is not None


def check_as_prepared(connection: Connection, table: CleanTable, horizon: str) -> None:
    """Raises SinkUnavailable where the table is being moved, or was, since it was prepared; HorizonMoved where other
    rows have expired than those that were left out. To be called once rows were inserted: whoever moves the table, or
    raises its horizon, waits for transactions that were there before."""
    named = META.c.name.in_((moving_key(table.name), identity_key(table.name), horizon_key(table.name)))
    # One query, for it is asked for each batch. It holds the horizon's note until COMMIT.
    query = select(META.c.name, META.c.value).where(named).with_for_update(read=True)
    found = {row.name: row.value for row in connection.execute(query)}
    if (now := found.get(horizon_key(table.name), NOTHING)) != horizon:
        raise HorizonMoved(now)
    check_stays(connection, table.name, moving_key(table.name) in found)
    document = found.get(identity_key(table.name))
    if document is not None and msgspec.json.decode(document, type=Identity).ordered != table.ordered:
        raise NeedsAPerson(f"table {table.name} was moved meanwhile by `dcp migrate`: start this process again")


def _kept(name: str, identity: Identity, retention: Retention | None) -> Kept | None:
    """How long rows are kept. Raises TableMismatch where they do not lie in the order of the field that tells."""
    if retention is None or retention.by is None or retention.keep is None:
        return None
    if identity.ordered_by != retention.by or identity.kind not in ("date", "datetime"):
        raise TableMismatch(
            f"table {name}: spec.sink.sql.retention goes by {retention.by}, and its rows are identified by "
            f"{words(identity)}, so that the old ones cannot be told. Mend it: `dcp migrate` (docs/ledger.md), or "
            "name a new table"
        )
    return Kept(retention.by, identity.kind, retention.keep.seconds)


def recorded_identity(connection: Connection, name: str) -> Identity | None:
    """What the ledger says that a table's rows are identified by; None of a table that nobody wrote to."""
    document = connection.execute(select(META.c.value).where(META.c.name == identity_key(name))).scalar()
    return None if document is None else msgspec.json.decode(document, type=Identity)


def record_identity(connection: Connection, name: str, identity: Identity) -> None:
    """Write down what a new table's rows are identified by."""
    document = msgspec.json.encode(identity).decode()
    connection.execute(insert(META).values(name=identity_key(name), value=document))


def _identity(
    connection: Connection, cleaning: Cleaning, recorded: Identity | None, observed: ObservedTable | None
) -> Identity:
    """What this table's rows are identified by: as it was begun, a new one in the best way."""
    if recorded is not None:
        return identity_kept(cleaning, recorded)
    length = None if observed is None else _length_there(connection, observed)
    if observed is not None and length is not None:
        return _as_it_stands(cleaning, observed.name, length)
    own = None if observed is None else observed.column(ID)
    # Its owner gave it the column for identities of 16 bytes, as an older release said.
    return identity_of(cleaning, ordered=own is None or own.max_bytes != PLAIN)


def _length_there(connection: Connection, observed: ObservedTable) -> int | None:
    """How long the identity of a row is that stands in a table of which nothing is recorded."""
    if not observed.has_rows or observed.column(ID) is None:
        return None
    quoted = connection.dialect.identifier_preparer.quote_identifier(observed.name)
    query = f"SELECT LENGTH({ID}) FROM {quoted} WHERE {ID} IS NOT NULL LIMIT 1"  # noqa: S608
    found = connection.exec_driver_sql(query).scalar()
    return None if found is None else int(found)


def _as_it_stands(cleaning: Cleaning, name: str, length: int) -> Identity:
    identity = identity_of(cleaning, ordered=length == id_bytes(True))
    if identity.bytes != length:
        raise TableMismatch(
            f"table {name}: identities of its rows have {length} bytes, and those of the spec {identity.bytes}; "
            "the old rows' duplicates would not be seen. Mend it: name a new table, or put spec.cleaning.unique back"
        )
    return identity


def _check_same(name: str, wanted: Identity, recorded: Identity | None) -> None:
    if recorded is not None and not same(recorded, wanted):
        raise TableMismatch(
            f"table {name}: its rows are identified by {words(recorded)}, the spec says {words(wanted)}; "
            "the old rows' duplicates would not be seen. Mend it: name a new table, or put spec.cleaning.unique back"
            f"{_order_lost(recorded, wanted)}"
        )


def _order_lost(recorded: Identity, wanted: Identity) -> str:
    if recorded.unique != wanted.unique or recorded.ordered_by is None:
        return ""
    return f"; here: store the field {recorded.ordered_by} as it was, with its type"


def identity_key(name: str) -> str:
    """Its name in dcp_meta."""
    return f"table/{name}"
