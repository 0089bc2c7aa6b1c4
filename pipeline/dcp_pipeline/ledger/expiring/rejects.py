"""Rejects that were refused long enough ago are forgotten: their bytes and reasons go, their counts stay.

Some batches a transaction, in the order in which they were settled; how far it got stands in dcp_meta. A batch's entry
says how many fewer of its rejects are kept (`forgotten`), so that verify can still tell a reject that was lost. The
objects' rows are locked first, as replays do, who would take a reject that goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update

from dcp_pipeline.database.transactions import Transactions, TryAgain
from dcp_pipeline.ledger.expiring.mark import note, write
from dcp_pipeline.ledger.expiring.plan import floored, step_seconds
from dcp_pipeline.ledger.model import RejectState
from dcp_pipeline.ledger.tables import BATCHES, META, OBJECTS, REJECTS

BATCHES_AT_ONCE = 50


def forget_rejects(
    transactions: Transactions, pipeline: str, keep_seconds: float, moment: datetime, enough: Callable[[], bool]
) -> int:
    """Forget rejects of batches that were settled `keep_seconds` before `moment` (UTC), until there is `enough`; how
    many. Raises SinkUnavailable."""
    before = floored(moment - timedelta(seconds=keep_seconds), step_seconds(keep_seconds))
    forgotten = 0
    while True:
        number = transactions.write(lambda each: _some(each, pipeline, before))
        if number is None:
            return forgotten
        forgotten += number
        if enough():
            return forgotten


def forgotten_key(pipeline: str) -> str:
    """Of the note of how far rejects are forgotten: the time that batches were settled at."""
    return f"forgotten/{pipeline}"


def _some(connection: Connection, pipeline: str, before: datetime) -> int | None:
    """Those of some batches; None where there are no more."""
    key = forgotten_key(pipeline)
    noted = note(connection, key, locked=True)
    since = datetime.min if noted is None else datetime.fromisoformat(noted)
    if since >= before:
        return None
    of_pipeline = (BATCHES.c.pipeline == pipeline, BATCHES.c.settled_at >= since, BATCHES.c.settled_at < before)
    has_rejects = exists(select(REJECTS.c.record).where(REJECTS.c.batch_id == BATCHES.c.id))
    query = select(BATCHES.c.id, BATCHES.c.object_id, BATCHES.c.settled_at).where(*of_pipeline, has_rejects)
    found = list(connection.execute(query.order_by(BATCHES.c.settled_at, BATCHES.c.id).limit(BATCHES_AT_ONCE)))
    _note(connection, key, found[-1].settled_at if len(found) == BATCHES_AT_ONCE else before, new=noted is None)
    return _forget(connection, [each.id for each in found], sorted({each.object_id for each in found}))


def _note(connection: Connection, key: str, moment: datetime, new: bool) -> None:
    if new:
        connection.execute(insert(META).values(name=key, value=moment.isoformat()))
    else:
        write(connection, key, moment.isoformat())


def _forget(connection: Connection, batch_ids: list[str], object_ids: list[str]) -> int:
    if not batch_ids:
        return 0
    lock = select(OBJECTS.c.id).where(OBJECTS.c.id.in_(object_ids)).order_by(OBJECTS.c.number)
    list(connection.execute(lock.with_for_update()))
    those = REJECTS.c.batch_id.in_(batch_ids)
    fewer, kept_bytes = Counter[str](), Counter[str]()
    kept = func.coalesce(func.sum(func.length(REJECTS.c.raw)), 0)
    query = select(REJECTS.c.batch_id, func.count(), kept).where(those).group_by(REJECTS.c.batch_id)
    for batch_id, number, size in connection.execute(query):
        fewer[batch_id] += int(number)
        kept_bytes[batch_id] += int(size)
    forgotten = sum(fewer.values())
    # A replay's entry counts those that it took as gone: it has taken so many fewer now.
    replayed = select(REJECTS.c.replay_batch, func.count()).where(those, REJECTS.c.state == RejectState.REPLAYED.value)
    for replay, number in connection.execute(replayed.group_by(REJECTS.c.replay_batch)):
        fewer[replay] -= int(number)
    deleted = connection.execute(delete(REJECTS).where(those)).rowcount
    if deleted != forgotten:
        raise TryAgain(f"of {forgotten} rejects that are to be forgotten, {deleted} were there to be deleted")
    statement = update(BATCHES).where(BATCHES.c.id == bindparam("batch"))
    grown = func.coalesce(BATCHES.c.forgotten, 0) + bindparam("number")
    left = func.coalesce(BATCHES.c.kept_bytes, 0) - bindparam("size")
    changed = [{"batch": each, "number": fewer[each], "size": kept_bytes[each]} for each in sorted(fewer)]
    connection.execute(statement.values(forgotten=grown, kept_bytes=left), changed)
    return forgotten
