"""A pipeline's books at a glance: what they cost is what is new or wrong, however long its history is.

What is counted (ledger/counted.py) is read as sums, the others are summed up by the database: in one statement, so that
no object is missed or taken twice while the fetcher counts. `latest` and `wrong` are the objects that people look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Integer, Select, case, func, literal, or_, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from dcp_pipeline.ledger.books import entry_of, rejected_by_code
from dcp_pipeline.ledger.counted import GONE, SUMS
from dcp_pipeline.ledger.holding import HeldObject, held_objects
from dcp_pipeline.ledger.looking.pages import objects_page
from dcp_pipeline.ledger.model import BatchKind, BatchState, ObjectBooks, ObjectState
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, TOTALS
from dcp_pipeline.spec.wanted_labels import REMARKS

LATEST = 1000
"""So many of the newest objects are shown one by one where nobody asks for all."""
MOST_WRONG = 1000


class Totals(msgspec.Struct, frozen=True):
    """The books over all objects of a pipeline, in records."""

    read: int = 0
    written: int = 0
    duplicates: int = 0
    rejected: int = 0
    filtered: int = 0
    dead: int = 0
    pending: int = 0
    batches: int = 0
    objects: Mapping[ObjectState, int] = {}
    """How many there are in each state."""
    remarked: int = 0
    """Objects of whose labels something was said."""
    gaps: int = 0
    """Objects of which cuts are missing before others."""
    uneven: int = 0
    """Other objects whose settled records do not add up."""
    unsettled: int = 0
    """Objects of which records are pending or dead."""
    expired: int = 0
    """Of `written`: what the spec's retention has taken out of the table."""
    gone: int = 0
    """Objects that have no entry any more, and whose records are counted here all the same: `retention.objects`."""

    @property
    def count(self) -> int:
        """Of all objects that have an entry."""
        return sum(self.objects.values())

    def total(self, column: str) -> int:
        """One of the counts."""
        return int(getattr(self, column))

    def in_state(self, state: ObjectState) -> int:
        """How many objects are in this state."""
        return self.objects.get(state, 0)

    @property
    def consistent(self) -> bool:
        """Whether what is settled adds up in each object and no cut is missing, however much is pending."""
        settled = self.written + self.duplicates + self.rejected + self.filtered + self.dead
        return not self.gaps and not self.uneven and self.read == settled + self.pending

    @property
    def balanced(self) -> bool:
        return self.consistent and not self.pending

    @property
    def complete(self) -> bool:
        """Whether they balance, and nothing is dead or unavailable: what `dcp verify` asks for."""
        return self.balanced and not self.dead and not self.in_state(ObjectState.UNAVAILABLE)


class Overview(msgspec.Struct, frozen=True):
    """The books, and the objects that people look at, oldest first."""

    totals: Totals
    latest: tuple[ObjectBooks, ...] = ()
    """The newest LATEST."""
    wrong: tuple[ObjectBooks, ...] = ()
    """Unavailable, or not adding up: up to MOST_WRONG."""
    unsettled: tuple[ObjectBooks, ...] = ()
    """With records that are pending or dead: up to MOST_WRONG."""
    rejected_by_code: tuple[tuple[str, int], ...] = ()

    held: tuple[HeldObject, ...] = ()
    """Those of which batches wait for a person; their records are among the dead."""

    @property
    def unavailable(self) -> tuple[ObjectBooks, ...]:
        return tuple(each for each in self.wrong if each.state is ObjectState.UNAVAILABLE)


def overview(connection: Connection, pipeline: str) -> Overview:
    """All of it."""
    return Overview(
        totals=totals(connection, pipeline),
        latest=tuple(each.books for each in reversed(objects_page(connection, pipeline, limit=LATEST).objects)),
        wrong=wrong_objects(connection, pipeline, MOST_WRONG),
        unsettled=unsettled_objects(connection, pipeline, MOST_WRONG),
        rejected_by_code=rejected_by_code(connection, pipeline),
        held=held_objects(connection, pipeline),
    )


def totals(connection: Connection, pipeline: str) -> Totals:
    """The sums over all objects."""
    faults = ("dead", "pending", "gaps", "uneven", "unsettled")
    each = _uncounted(pipeline).subquery()
    summed = [func.coalesce(func.sum(each.c[name]), 0).label(name) for name in SUMS if name != "objects"]
    live = select(
        each.c.state, func.count().label("objects"), *summed, *(func.sum(each.c[name]).label(name) for name in faults)
    ).group_by(each.c.state)
    nothing = [literal(0, Integer).label(name) for name in faults]
    columns = [TOTALS.c[name] for name in SUMS if name != "objects"]
    counted = select(TOTALS.c.state, TOTALS.c.objects, *columns, *nothing).where(TOTALS.c.pipeline == pipeline)
    rows = list(connection.execute(union_all(live, counted)))
    states = dict.fromkeys(ObjectState, 0)
    gone = sum(int(row.objects) for row in rows if row.state == GONE)
    for row in rows:
        if row.state != GONE:
            states[ObjectState(row.state)] += int(row.objects)
    names = [name for name in (*SUMS, *faults) if name != "objects"]
    return Totals(
        **{name: sum(int(getattr(row, name) or 0) for row in rows) for name in names}, objects=states, gone=gone
    )


def wrong_objects(connection: Connection, pipeline: str, most: int) -> tuple[ObjectBooks, ...]:
    """Objects that are unavailable, or do not add up, oldest first."""
    each = _uncounted(pipeline).subquery()
    faulty = (each.c.gaps == 1, each.c.uneven == 1, each.c.state == ObjectState.UNAVAILABLE.value)
    return _entries(connection, select(each).where(or_(*faulty)).order_by(each.c.number).limit(most))


def unavailable_objects(connection: Connection, pipeline: str) -> tuple[ObjectBooks, ...]:
    """All objects that are unavailable, oldest first."""
    each = _uncounted(pipeline, OBJECTS.c.state == ObjectState.UNAVAILABLE.value).subquery()
    return _entries(connection, select(each).order_by(each.c.number))


def unsettled_objects(connection: Connection, pipeline: str, most: int) -> tuple[ObjectBooks, ...]:
    """Objects of which records are pending or dead, oldest first."""
    each = _uncounted(pipeline).subquery()
    return _entries(connection, select(each).where(each.c.unsettled == 1).order_by(each.c.number).limit(most))


def objects_named(connection: Connection, pipeline: str, beginning: str, most: int) -> list[str]:
    """The ids that begin so, `most` of them."""
    query = select(OBJECTS.c.id).where(OBJECTS.c.pipeline == pipeline)
    named = query.where(OBJECTS.c.id.startswith(beginning, autoescape=True))
    return list(connection.execute(named.limit(most)).scalars())


def number_of(connection: Connection, pipeline: str, object_id: str) -> int | None:
    """An object's place in the order of arrival."""
    query = select(OBJECTS.c.number).where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.id == object_id)
    return connection.execute(query).scalar()


def _entries(connection: Connection, query: Select[Any]) -> tuple[ObjectBooks, ...]:
    return tuple(entry_of(row) for row in connection.execute(query))


def _uncounted(pipeline: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    """A row for each object that is not counted: what entry_of needs, and 1 for each fault that it has."""
    cut, batch = BATCHES.c.kind == BatchKind.CUT.value, BATCHES.c.records
    read = func.coalesce(func.sum(batch), 0)
    dead, pending = _records_in(BatchState.DEAD), _records_in(BatchState.CUT)
    settled = [func.coalesce(func.sum(BATCHES.c[name]), 0).label(name) for name in SUMS[3:7]]
    start, stop = func.min(_if(cut, BATCHES.c.start)), func.max(_if(cut, BATCHES.c.end))
    cut_bytes = func.sum(_if(cut, BATCHES.c.end - BATCHES.c.start))
    last_sequence = func.max(_if(cut, BATCHES.c.sequence))
    last_record = func.max(_if(cut, BATCHES.c.first_record + batch - 1))
    cuts = func.count(_if(cut, BATCHES.c.sequence))
    whole = or_(
        cuts == 0,
        (start == OBJECTS.c.header_end)
        & (cuts == last_sequence + 1)
        & (cut_bytes == stop - start)
        & (read == last_record),
    )
    even = read == sum(settled, start=dead + pending)
    said = or_(*(OBJECTS.c.reason.contains(remark, autoescape=True) for remark in REMARKS))
    columns = (OBJECTS.c.source, OBJECTS.c.uri, OBJECTS.c.state, OBJECTS.c.reason, OBJECTS.c.header_end)
    return (
        select(
            OBJECTS.c.id,
            OBJECTS.c.number,
            OBJECTS.c.updated_at,
            *columns,
            func.max(BATCHES.c.settled_at).label("settled_at"),
            read.label("read"),
            *settled,
            func.coalesce(func.sum(BATCHES.c.expired), 0).label("expired"),
            dead.label("dead"),
            pending.label("pending"),
            cuts.label("batches"),
            last_sequence.label("last_sequence"),
            start.label("start"),
            stop.label("stop"),
            cut_bytes.label("cut_bytes"),
            last_record.label("last_record"),
            case((said, 1), else_=0).label("remarked"),
            case((whole, 0), else_=1).label("gaps"),
            case((whole & ~even, 1), else_=0).label("uneven"),
            case((dead + pending > 0, 1), else_=0).label("unsettled"),
        )
        .outerjoin(BATCHES, BATCHES.c.object_id == OBJECTS.c.id)
        .where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.counted.is_(None), *conditions)
        .group_by(OBJECTS.c.number)
    )


def _records_in(state: BatchState) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((BATCHES.c.state == state.value, BATCHES.c.records), else_=0)), 0)


def _if(condition: ColumnElement[bool], value: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((condition, value), else_=None)
