"""`dcp migrate`, where the spec has a retention: a table that was begun without one gets its partitions.

One ALTER TABLE of the server's own, which is done whole or not at all however it ends; it needs the table's space a
second time, and whoever writes meanwhile waits, and tries again.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, select

from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Patience, Transactions
from dcp_pipeline.ledger.claims import check_stays
from dcp_pipeline.ledger.expiring.plan import Kept, first_bounds
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.shape import BATCH, ID, RECORD
from dcp_worker.sink.table import recorded_identity

PARTED = "it has partitions now"


def part(engine: Engine, name: str, kept: Kept) -> str:
    """Give a table partitions; what was done, or why nothing was.

    Raises SinkUnavailable.
    """
    # Tried once: where the connection is lost, the server goes on by itself, and the next call sees what it did.
    return Transactions(engine, Patience(attempts=1, lost_attempts=1)).write(lambda each: _part(each, name, kept))


def _part(connection: Connection, name: str, kept: Kept) -> str:
    partitioning = dialect_of(connection).partitioning
    if partitioning is None:
        return "this database has no partitions; rows expire by batches"
    with dialect_of(connection).ddl_lock(connection):
        check_stays(connection, name)
        if partitioning.bounds(connection, name) is not None:
            return "it has partitions already"
        reason = _refusal(connection, name, kept)
        if reason is None:
            now = connection.execute(select(utc_now())).scalar_one()
            partitioning.part(connection, name, (BATCH, RECORD, ID), first_bounds(kept, now))
    return PARTED if reason is None else f"{reason}; rows expire by batches"


def _refusal(connection: Connection, name: str, kept: Kept) -> str | None:
    recorded, observed = (
        recorded_identity(connection, name),
        sink_dialect_of(connection).observe_table(connection, name),
    )
    if recorded is None or observed is None:
        return "there is no table of this pipeline yet; a new one is made with partitions"
    if recorded.ordered_by != kept.by:
        return f"its rows do not lie in the order of {kept.by}"
    keys = {each.name: each.columns for each in observed.unique_keys}
    if keys.pop("PRIMARY", None) != (BATCH, RECORD):
        return "its primary key is not ours, so it has an owner"
    others = [each for each, columns in keys.items() if columns != (ID,)]
    if others:
        return f"each unique key of a table with partitions has to hold {ID}, and {', '.join(sorted(others))} does not"
    return None
