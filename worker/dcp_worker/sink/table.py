"""Makes the clean table or checks the one that stands, at start and under the lock that all DDL is done under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, insert, select

from dcp_pipeline.database.errors import TableMismatch
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.ledger.tables import META, PREFIX
from dcp_pipeline.spec.model import Cleaning
from dcp_worker.ground.fingerprint import FINGERPRINT_VERSION
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.fit import identity_keys, limits_of, twin_keys
from dcp_worker.sink.shape import CleanTable


class _Identity(msgspec.Struct, frozen=True):
    """What a table's rows are identified by. Rows identified in two ways could not be told to be duplicates."""

    fingerprint: int
    unique: tuple[str, ...]


class Prepared(msgspec.Struct, frozen=True):
    """A table that can be written to, and what its columns can hold."""

    table: CleanTable
    limits: Mapping[str, ColumnLimit]


def prepare_table(connection: Connection, cleaning: Cleaning, name: str) -> Prepared:
    """Make the table where there is none, and check it.

    Raises TableMismatch.
    """
    if name.lower().startswith(PREFIX):
        raise TableMismatch(f"table {name}: names that start with {PREFIX} are the ledger's; name it otherwise")
    quote, dialect = connection.dialect.identifier_preparer.quote_identifier, sink_dialect_of(connection)
    with dialect_of(connection).ddl_lock(connection):
        observed = dialect.observe_table(connection, name)
        if observed is None:
            connection.exec_driver_sql(dialect.create_table(name, cleaning.columns, quote))
            observed = dialect.observe_table(connection, name)
            assert observed is not None
        limits = limits_of(dialect, observed, cleaning, quote)
        _own(connection, name, cleaning.unique)
        connection.commit()
    twins = tuple(key.columns for key in twin_keys(observed, cleaning.unique))
    table = CleanTable(observed.name, quote(name), identity_keys(observed), twins)
    return Prepared(dialect.writable(connection, table), limits)


def _own(connection: Connection, name: str, unique: Sequence[str]) -> None:
    wanted = _Identity(FINGERPRINT_VERSION, tuple(unique))
    key = f"table/{name}"
    recorded = connection.execute(select(META.c.value).where(META.c.name == key)).scalar()
    if recorded is None:
        document = msgspec.json.encode(wanted).decode()
        connection.execute(insert(META).values(name=key, value=document))
        return
    standing = msgspec.json.decode(recorded, type=_Identity)
    if standing != wanted:
        raise TableMismatch(
            f"table {name}: its rows are identified by {_words(standing)}, the spec says {_words(wanted)}; "
            "the old rows' duplicates would not be seen. Mend it: name a new table, or put spec.cleaning.unique back"
        )


def _words(identity: _Identity) -> str:
    fields = ", ".join(identity.unique) or "object and record number"
    return f"{fields} (fingerprint version {identity.fingerprint})"
