"""Objects of which too much is rejected, where `expect.whenRejected` says hold: their batches wait for a person.

A held batch is a dead one whose reason begins with HELD (ADR 123): nothing of it is in the table, its records count as
dead, and it outlives queue and processes. `release` has it tried again, whatever is rejected; `drop` leaves it out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, and_, delete, func, insert, not_, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.ledger import claims
from dcp_pipeline.ledger.model import BatchState, Counts
from dcp_pipeline.ledger.tables import BATCHES, META, OBJECTS

HELD = "held: "
LEAST_RECORDS = 20
"""An object is judged once so many of its records are settled: one bad line of the first three is no trouble yet."""
_RELEASED = "released"


class TooManyRejected(Exception):
    """The object waits for a person; nothing of the batch was written."""


class HoldLimit(msgspec.Struct, frozen=True):
    """How much of an object may be rejected. `said`: as the spec has it."""

    share: float
    said: str

    def exceeded(self, counts: Counts) -> bool:
        """Of so many records."""
        return counts.rejected > self.share * counts.read


class HeldObject(msgspec.Struct, frozen=True):
    """What waits of one object."""

    object_id: str
    uri: str
    batches: int
    records: int
    reason: str
    """Without HELD."""


def is_held_batch() -> ColumnElement[bool]:
    """Of the batches."""
    return and_(BATCHES.c.state == BatchState.DEAD.value, BATCHES.c.reason.startswith(HELD))


def is_not_held() -> ColumnElement[bool]:
    """Of the batches that are dead."""
    return or_(BATCHES.c.reason.is_(None), not_(BATCHES.c.reason.startswith(HELD)))


def judged(connection: Connection, pipeline: str, object_ids: Collection[str]) -> frozenset[str]:
    """Those of which batches are judged; a released object's are not. Raises TooManyRejected where one is held."""
    marks = {_mark(pipeline, each): each for each in object_ids}
    released = connection.execute(select(META.c.name).where(META.c.name.in_(marks))).scalars()
    left = frozenset(object_ids) - {marks[name] for name in released}
    held = select(BATCHES.c.id).where(BATCHES.c.pipeline == pipeline, is_held_batch(), BATCHES.c.object_id.in_(left))
    if left and connection.execute(held.limit(1)).first():
        raise TooManyRejected(f"{HELD}with its object")
    return left


def check_counts(connection: Connection, object_id: str, counts: Counts, limit: HoldLimit) -> None:
    """Judge a batch, with what is settled of its object before it.

    A batch that is not over the limit itself is not held for those before it: that would cost each batch a look at all
    of them. Raises TooManyRejected.
    """
    if not limit.exceeded(counts):
        return
    names = ("read", "rejected")
    sums = [func.coalesce(func.sum(BATCHES.c[name]), 0) for name in names]
    query = select(*sums).where(BATCHES.c.object_id == object_id, BATCHES.c.state == BatchState.DONE.value)
    read, rejected = (int(each) for each in connection.execute(query).one())
    whole = Counts(counts.read + read, 0, 0, counts.rejected + rejected)
    if whole.read >= LEAST_RECORDS and limit.exceeded(whole):
        share = whole.rejected / whole.read
        raise TooManyRejected(
            f"{HELD}{share:.1%} of the first {whole.read:,} records rejected; at most {limit.said} is expected"
        )


def held_objects(connection: Connection, pipeline: str) -> tuple[HeldObject, ...]:
    """In the order in which they came."""
    query = (
        select(
            OBJECTS.c.id,
            OBJECTS.c.uri,
            func.count().label("batches"),
            func.sum(BATCHES.c.records).label("records"),
            func.min(BATCHES.c.reason).label("reason"),
        )
        .join(OBJECTS, OBJECTS.c.id == BATCHES.c.object_id)
        .where(BATCHES.c.pipeline == pipeline, is_held_batch())
        .group_by(OBJECTS.c.number)
        .order_by(OBJECTS.c.number)
    )
    # A share stands before "with its object".
    return tuple(
        HeldObject(row.id, row.uri, int(row.batches), int(row.records), str(row.reason).removeprefix(HELD))
        for row in connection.execute(query)
    )


def held_batches(connection: Connection, pipeline: str, object_id: str) -> list[str]:
    """Of one object."""
    query = select(BATCHES.c.id).where(BATCHES.c.pipeline == pipeline, BATCHES.c.object_id == object_id)
    return list(connection.execute(query.where(is_held_batch()).order_by(BATCHES.c.sequence)).scalars())


def release(connection: Connection, pipeline: str, object_id: str) -> list[str]:
    """A person takes the object as it is: it is not judged any more. The batches that are pending again: the queue is
    still to be told, as after claims.revive."""
    name = _mark(pipeline, object_id)
    connection.execute(delete(META).where(META.c.name == name))
    connection.execute(insert(META).values(name=name, value="by a person"))
    batches = held_batches(connection, pipeline, object_id)
    claims.revive(connection, pipeline, batches)
    return batches


def drop(connection: Connection, pipeline: str, object_id: str) -> list[str]:
    """A person leaves out what waits of the object: its records are filtered. The batches."""
    batches = held_batches(connection, pipeline, object_id)
    none = dict.fromkeys(("written", "duplicates", "rejected", "kept_bytes"), 0)
    values = {"state": BatchState.DONE.value, "reason": "left out: dcp objects drop", "settled_at": utc_now()} | none
    statement = update(BATCHES).where(BATCHES.c.object_id == object_id, BATCHES.c.pipeline == pipeline, is_held_batch())
    connection.execute(statement.values(**values, read=BATCHES.c.records, filtered=BATCHES.c.records))
    return batches


def released_objects(connection: Connection, pipeline: str) -> Sequence[str]:
    """Those that a person has taken as they are."""
    beginning = _mark(pipeline, "")
    names = connection.execute(select(META.c.name).where(META.c.name.startswith(beginning, autoescape=True))).scalars()
    return [name.removeprefix(beginning) for name in names]


def _mark(pipeline: str, object_id: str) -> str:
    return f"{_RELEASED}/{pipeline}/{object_id}"
