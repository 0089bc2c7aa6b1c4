"""Objects of which nothing is left are forgotten: their entries and those of their batches go, their sums stay.

That is so where an object's books are closed and counted, nothing of it was settled or changed for so long, all of its
rows have expired, and its rejects are forgotten. Whether its source has it still only the fetcher can say: what is
listed is remembered, or it would be read anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select

from dcp_pipeline.ledger.counted import count_gone
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, REJECTS

AT_ONCE = 500
MOST_BATCHES = 5000
"""Of a transaction, or those of one object."""


def old_objects(
    connection: Connection, pipeline: str, source: str, before: datetime, after: int
) -> list[tuple[int, str, str]]:
    """(number, id, uri) of some objects behind the number `after` that are counted, and have not changed since `before`
    (UTC)."""
    query = select(OBJECTS.c.number, OBJECTS.c.id, OBJECTS.c.uri).where(
        OBJECTS.c.pipeline == pipeline,
        OBJECTS.c.counted == 1,
        OBJECTS.c.source == source,
        OBJECTS.c.number > after,
        OBJECTS.c.updated_at < before,
    )
    found = connection.execute(query.order_by(OBJECTS.c.number).limit(AT_ONCE))
    return [(row.number, row.id, row.uri) for row in found]


def forget_objects(connection: Connection, pipeline: str, object_ids: Sequence[str], before: datetime) -> int:
    """Forget those of these objects of which nothing is left; how many."""
    lock = select(OBJECTS.c.id, OBJECTS.c.counted, OBJECTS.c.updated_at).where(
        OBJECTS.c.id.in_(object_ids), OBJECTS.c.pipeline == pipeline
    )
    # Locked before anything is summed, as by all who change an object's batches.
    rows = connection.execute(lock.order_by(OBJECTS.c.number).with_for_update())
    unchanged = [row.id for row in rows if row.counted is not None and row.updated_at < before]
    left = _left(connection, unchanged, before)
    gone = _few(connection, [each for each in unchanged if each not in left])
    if not gone:
        return 0
    count_gone(connection, pipeline, gone)
    connection.execute(delete(BATCHES).where(BATCHES.c.object_id.in_(gone)))
    return connection.execute(delete(OBJECTS).where(OBJECTS.c.id.in_(gone))).rowcount


def _few(connection: Connection, object_ids: Sequence[str]) -> list[str]:
    """The first of these, one at least, as far as a transaction may delete their batches."""
    query = select(BATCHES.c.object_id, func.count()).where(BATCHES.c.object_id.in_(object_ids))
    batches = {id_: int(number) for id_, number in connection.execute(query.group_by(BATCHES.c.object_id))}
    few: list[str] = []
    held = 0
    for each in object_ids:
        held += batches.get(each, 0)
        if few and held > MOST_BATCHES:
            break
        few.append(each)
    return few


def _left(connection: Connection, object_ids: Sequence[str], before: datetime) -> frozenset[str]:
    """Those of which a row or a reject stands, or of which something was settled since."""
    rows = func.sum(func.coalesce(BATCHES.c.written, 0) - func.coalesce(BATCHES.c.expired, 0))
    sums = select(BATCHES.c.object_id).where(BATCHES.c.object_id.in_(object_ids)).group_by(BATCHES.c.object_id)
    standing = sums.having((rows != 0) | (func.max(func.coalesce(BATCHES.c.settled_at, before)) >= before))
    rejects = select(OBJECTS.c.id).where(
        OBJECTS.c.id.in_(object_ids), exists(select(REJECTS.c.record).where(REJECTS.c.object_id == OBJECTS.c.id))
    )
    return frozenset((*connection.execute(standing).scalars(), *connection.execute(rejects).scalars()))
