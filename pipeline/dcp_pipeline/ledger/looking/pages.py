"""The ledger a page at a time: what it costs is what the page shows, however much there is."""

from __future__ import annotations

import heapq
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select

from dcp_pipeline.ledger.books import books_of, reject_conditions, stored_reject, stored_rejects
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState, RejectFilter, RejectState, StoredReject
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, REJECTS, header_from


class Listed(msgspec.Struct, frozen=True):
    """An object with its place in the order of arrival."""

    number: int
    arrived_at: datetime
    books: ObjectBooks


class ObjectsPage(msgspec.Struct, frozen=True):
    """Some objects, newest first. `newer` and `older`: the number to ask beyond; None where there are no more."""

    objects: tuple[Listed, ...]
    newer: int | None
    older: int | None


class RejectKey(msgspec.Struct, frozen=True):
    """Where a page of rejects ended."""

    settled_at: datetime
    batch_id: str
    record: int


class DatedReject(msgspec.Struct, frozen=True):
    """A reject, and when its batch was settled."""

    reject: StoredReject
    settled_at: datetime
    labels: tuple[str, ...] | None
    """What its cells were called."""

    @property
    def key(self) -> RejectKey:
        """Its place among the others."""
        return RejectKey(self.settled_at, self.reject.batch_id, self.reject.record)


class RejectGroup(msgspec.Struct, frozen=True):
    """Open rejects of one kind."""

    code: str
    field: str | None
    count: int


def last_settled(connection: Connection, pipeline: str) -> datetime | None:
    """When a batch was settled last."""
    query = select(func.max(BATCHES.c.settled_at)).where(BATCHES.c.pipeline == pipeline)
    found: datetime | None = connection.execute(query).scalar()
    return found


def objects_page(
    connection: Connection,
    pipeline: str,
    *,
    older_than: int | None = None,
    newer_than: int | None = None,
    state: ObjectState | None = None,
    source: str | None = None,
    limit: int = 50,
) -> ObjectsPage:
    """A page of objects, newest first; beyond a number where one is given."""
    upwards = newer_than is not None
    states = [state] if state is not None else list(ObjectState)
    # A state at a time: the index has a pipeline's objects in order within each.
    found = [
        list(connection.execute(_numbers(pipeline, each, source, older_than, newer_than, limit + 1))) for each in states
    ]
    merged = heapq.merge(*found, key=lambda row: row.number, reverse=not upwards)
    rows = [row for row, _ in zip(merged, range(limit + 1), strict=False)]
    more, rows = len(rows) > limit, rows[:limit]
    if upwards:
        rows.reverse()
    entries = {each.object_id: each for each in books_of(connection, pipeline, [row.id for row in rows])}
    objects = tuple(Listed(row.number, row.created_at, entries[row.id]) for row in rows if row.id in entries)
    if not objects:
        return ObjectsPage((), None, None)
    above = more if upwards else older_than is not None
    below = newer_than is not None if upwards else more
    return ObjectsPage(objects, objects[0].number if above else None, objects[-1].number if below else None)


def _numbers(
    pipeline: str, state: ObjectState, source: str | None, older: int | None, newer: int | None, limit: int
) -> Select[Any]:
    query = select(OBJECTS.c.number, OBJECTS.c.id, OBJECTS.c.created_at).where(
        OBJECTS.c.pipeline == pipeline, OBJECTS.c.state == state.value
    )
    if source is not None:
        query = query.where(OBJECTS.c.source == source)
    if newer is not None:
        return query.where(OBJECTS.c.number > newer).order_by(OBJECTS.c.number).limit(limit)
    if older is not None:
        query = query.where(OBJECTS.c.number < older)
    return query.order_by(OBJECTS.c.number.desc()).limit(limit)


def reject_groups(connection: Connection, pipeline: str) -> list[RejectGroup]:
    """Open rejects by code and field, most first. It reads an entry of every reject."""
    query = (
        select(REJECTS.c.code, REJECTS.c.field, func.count().label("number"))
        .join(OBJECTS, OBJECTS.c.id == REJECTS.c.object_id)
        .where(OBJECTS.c.pipeline == pipeline, REJECTS.c.state == RejectState.OPEN.value)
        .group_by(REJECTS.c.code, REJECTS.c.field)
    )
    found = [RejectGroup(row.code, row.field, int(row.number)) for row in connection.execute(query)]
    return sorted(found, key=lambda each: (-each.count, each.code, each.field or ""))


def rejects_page(
    connection: Connection, pipeline: str, wanted: RejectFilter, after: RejectKey | None = None, limit: int = 20
) -> list[DatedReject]:
    """A page of rejects, those of the batch that was settled last first."""
    settled, batch, record = BATCHES.c.settled_at, REJECTS.c.batch_id, REJECTS.c.record
    query = (
        stored_rejects()
        .add_columns(settled, OBJECTS.c.header.label("object_header"))
        .where(BATCHES.c.pipeline == pipeline, settled.is_not(None), *reject_conditions(pipeline, wanted))
    )
    if after is not None:
        query = query.where(
            or_(
                settled < after.settled_at,
                and_(settled == after.settled_at, batch > after.batch_id),
                and_(settled == after.settled_at, batch == after.batch_id, record > after.record),
            )
        )
    rows = connection.execute(query.order_by(settled.desc(), batch, record).limit(limit))
    return [
        DatedReject(stored_reject(row), row.settled_at, header_from(row.header or row.object_header)) for row in rows
    ]
