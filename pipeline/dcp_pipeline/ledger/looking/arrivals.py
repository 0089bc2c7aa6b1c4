"""When each source last brought records, how many came of late, and of which objects too much was rejected: by
the ledger, and the database's clock. It costs what is new, and what the asked time brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, case, func, or_, select, union_all

from dcp_pipeline.ledger.holding import HeldObject, held_objects, released_objects
from dcp_pipeline.ledger.model import BatchKind, BatchState
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, TOTALS
from dcp_pipeline.ledger.tasks import seconds_ago

_MOST_NAMED = 3


class Arrivals(msgspec.Struct, frozen=True):
    """Times are UTC, without zone."""

    now: datetime
    first: datetime | None
    """When the first record of all came."""
    last: Mapping[str, datetime]
    """When the last records of each source came; a source that brought none is left out."""
    records: int
    """Of the time that was asked about."""
    before: tuple[int, ...] = ()
    """Of as much time before that, and before that, and so on: the latest first."""


class Rejecting(msgspec.Struct, frozen=True):
    """An object of which too much was rejected. `settled` includes what was rejected."""

    uri: str
    rejected: int
    settled: int

    @property
    def share(self) -> float:
        return self.rejected / self.settled


class MuchRejected(msgspec.Struct, frozen=True):
    """The objects of a time of which too much was rejected."""

    objects: int = 0
    """Of that time, with those that are well."""
    over: int = 0
    worst: tuple[Rejecting, ...] = ()
    """Some of those that are over, the worst first."""
    held: tuple[HeldObject, ...] = ()
    """Those that wait for a person, however old."""


def arrivals(connection: Connection, pipeline: str, seconds: float, windows: int = 0) -> Arrivals:
    """Of a pipeline; records of the last `seconds`, and of so many times as long before."""
    now = seconds_ago(connection, 0)
    edges = [now - timedelta(seconds=seconds * each) for each in range(1, windows + 2)]
    counts = _records_within(connection, pipeline, edges)
    rows = list(connection.execute(_ends(pipeline)))
    last: dict[str, datetime] = {}
    for source, _, at in rows:
        if at is not None:
            last[source] = max(at, last.get(source, at))
    return Arrivals(
        now=now,
        first=min((first for _, first, _ in rows if first is not None), default=None),
        last=last,
        records=counts[0],
        before=tuple(counts[1:]),
    )


def _ends(pipeline: str) -> Select[Any]:
    """First and last arrival by source: of what is counted, and of the others."""
    live = (
        select(
            OBJECTS.c.source,
            func.min(BATCHES.c.created_at).label("first"),
            func.max(BATCHES.c.created_at).label("last"),
        )
        .join(BATCHES, BATCHES.c.object_id == OBJECTS.c.id)
        .where(
            OBJECTS.c.pipeline == pipeline,
            OBJECTS.c.counted.is_(None),
            BATCHES.c.kind == BatchKind.CUT.value,
            BATCHES.c.records > 0,
        )
        .group_by(OBJECTS.c.source)
    )
    counted = select(TOTALS.c.source, TOTALS.c.first_at, TOTALS.c.last_at).where(TOTALS.c.pipeline == pipeline)
    both = union_all(live, counted).subquery()
    return select(both.c.source, both.c.first, both.c.last)


def _records_within(connection: Connection, pipeline: str, edges: Sequence[datetime]) -> list[int]:
    """What came since the first edge, and between each two of them. It is settled since then, or not yet."""
    created, records = BATCHES.c.created_at, BATCHES.c.records
    within = [created >= edges[0], *((created >= older) & (created < edge) for edge, older in pairwise(edges))]
    counts = [func.coalesce(func.sum(case((each, records), else_=0)), 0) for each in within]
    query = select(*counts).where(
        BATCHES.c.pipeline == pipeline,
        BATCHES.c.kind == BatchKind.CUT.value,
        created >= edges[-1],
        or_(BATCHES.c.settled_at >= edges[-1], BATCHES.c.settled_at.is_(None)),
    )
    return [int(each) for each in connection.execute(query).one()]


def much_rejected(connection: Connection, pipeline: str, seconds: float, most: float) -> MuchRejected:
    """Of the objects of which a record was settled in the last `seconds`, but those that a person has released."""
    held = held_objects(connection, pipeline)
    late = select(BATCHES.c.object_id).where(
        BATCHES.c.pipeline == pipeline, BATCHES.c.settled_at >= seconds_ago(connection, seconds)
    )
    settled = func.sum(case((BATCHES.c.state == BatchState.CUT.value, 0), else_=BATCHES.c.records))
    each = (
        select(
            BATCHES.c.object_id,
            func.sum(func.coalesce(BATCHES.c.rejected, 0)).label("rejected"),
            settled.label("settled"),
        )
        .where(BATCHES.c.object_id.in_(late), BATCHES.c.object_id.not_in(released_objects(connection, pipeline)))
        .group_by(BATCHES.c.object_id)
        .subquery()
    )
    over = and_(each.c.settled > 0, each.c.rejected > most * each.c.settled)
    counts = select(func.count(), func.coalesce(func.sum(case((over, 1), else_=0)), 0)).select_from(each)
    number, above = connection.execute(counts).one()
    if not above:
        return MuchRejected(int(number), held=held)
    worst = (
        select(OBJECTS.c.uri, each.c.rejected, each.c.settled)
        .join(OBJECTS, OBJECTS.c.id == each.c.object_id)
        .where(over)
        .order_by((1.0 * each.c.rejected / each.c.settled).desc(), OBJECTS.c.number)
        .limit(_MOST_NAMED)
    )
    named = tuple(Rejecting(row.uri, int(row.rejected), int(row.settled)) for row in connection.execute(worst))
    return MuchRejected(int(number), int(above), named, held)
