"""The ledger's counts laid out over time, for plots. Each query reads the batches that were settled since a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import Connection, extract, func, select
from sqlalchemy.sql.elements import ColumnElement

from dcp_pipeline.ledger.model import BatchKind, RejectState
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, REJECTS


class Step(Enum):
    """How long one bar of a plot lasts."""

    MINUTE = timedelta(minutes=1)
    HOUR = timedelta(hours=1)
    DAY = timedelta(days=1)

    def floor(self, moment: datetime) -> datetime:
        """The beginning of the step that a moment is in."""
        whole = moment.replace(second=0, microsecond=0)
        if self is Step.MINUTE:
            return whole
        return whole.replace(minute=0) if self is Step.HOUR else whole.replace(minute=0, hour=0)

    def starts(self, since: datetime, until: datetime) -> list[datetime]:
        """The beginnings of all steps from one moment to another, both included."""
        first = self.floor(since)
        return [first + each * self.value for each in range((self.floor(until) - first) // self.value + 1)]


class Flow(msgspec.Struct, frozen=True):
    """What was settled within one step, of one source where they are asked for apart. `at` is UTC, without zone."""

    at: datetime
    source: str
    read: int
    written: int
    duplicates: int
    rejected: int
    filtered: int
    batches: int


class RejectsAt(msgspec.Struct, frozen=True):
    """Rejects of one kind within one step."""

    at: datetime
    code: str
    field: str | None
    count: int


def flow(connection: Connection, pipeline: str, since: datetime, step: Step, by_source: bool = False) -> list[Flow]:
    """What was settled since a moment, by step and where wanted by source; steps without anything are left out."""
    when = _parts(step)
    source: list[Any] = [OBJECTS.c.source] if by_source else []
    names = ("written", "duplicates", "rejected", "filtered")
    sums = [func.sum(func.coalesce(BATCHES.c[name], 0)).label(name) for name in names]
    query = select(*when, *source, func.sum(BATCHES.c.records).label("records"), *sums, func.count().label("batches"))
    if by_source:
        query = query.join(OBJECTS, OBJECTS.c.id == BATCHES.c.object_id)
    query = query.where(BATCHES.c.pipeline == pipeline, BATCHES.c.settled_at >= since).group_by(*when, *source)
    found = [
        Flow(
            at=_moment(row, step),
            source=row.source if by_source else "",
            read=int(row.records or 0),
            **{name: int(getattr(row, name) or 0) for name in names},
            batches=int(row.batches),
        )
        for row in connection.execute(query)
    ]
    return sorted(found, key=lambda each: (each.at, each.source))


def rejects_over_time(connection: Connection, pipeline: str, since: datetime, step: Step) -> list[RejectsAt]:
    """Open rejects by the time at which their batch was settled."""
    when = _parts(step)
    query = (
        select(*when, REJECTS.c.code, REJECTS.c.field, func.count().label("number"))
        .join(BATCHES, BATCHES.c.id == REJECTS.c.batch_id)
        .where(
            BATCHES.c.pipeline == pipeline,
            BATCHES.c.settled_at >= since,
            REJECTS.c.state == RejectState.OPEN.value,
        )
        .group_by(*when, REJECTS.c.code, REJECTS.c.field)
    )
    found = [RejectsAt(_moment(row, step), row.code, row.field, int(row.number)) for row in connection.execute(query)]
    return sorted(found, key=lambda each: (each.at, each.code, each.field or ""))


def arrivals(connection: Connection, pipeline: str, since: datetime) -> list[tuple[datetime, int]]:
    """How many batches were cut in each minute since a moment, in order. Those that are settled, for which there is an
    index: what is still on its way is not in it."""
    when = _parts(Step.MINUTE, BATCHES.c.created_at)
    cut = BATCHES.c.kind == BatchKind.CUT.value
    wanted = (BATCHES.c.pipeline == pipeline, cut, BATCHES.c.settled_at >= since, BATCHES.c.created_at >= since)
    query = select(*when, func.count().label("batches")).where(*wanted).group_by(*when)
    return sorted((_moment(row, Step.MINUTE), int(row.batches)) for row in connection.execute(query))


def _parts(step: Step, moment: ColumnElement[Any] = BATCHES.c.settled_at) -> list[ColumnElement[Any]]:
    parts: list[ColumnElement[Any]] = [func.date(moment).label("day")]
    if step is not Step.DAY:
        parts.append(extract("hour", moment).label("hour"))
    if step is Step.MINUTE:
        parts.append(extract("minute", moment).label("minute"))
    return parts


def _moment(row: Any, step: Step) -> datetime:
    # SQLite has no type for a day.
    day = row.day if isinstance(row.day, date) else date.fromisoformat(str(row.day))
    hour = 0 if step is Step.DAY else int(row.hour)
    minute = int(row.minute) if step is Step.MINUTE else 0
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).replace(tzinfo=None)
