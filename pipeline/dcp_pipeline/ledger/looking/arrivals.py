"""When each source last brought records, and how many came of late: by the ledger, and the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec
from sqlalchemy import Connection, case, func, select

from dcp_pipeline.ledger.model import BatchKind
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS
from dcp_pipeline.ledger.tasks import seconds_ago


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


def arrivals(connection: Connection, pipeline: str, seconds: float, windows: int = 0) -> Arrivals:
    """Of a pipeline; records of the last `seconds`, and of so many times as long before."""
    now = seconds_ago(connection, 0)
    edges = [now - timedelta(seconds=seconds * each) for each in range(1, windows + 2)]
    created, records = BATCHES.c.created_at, BATCHES.c.records
    within = [created >= edges[0], *((created >= older) & (created < edge) for edge, older in pairwise(edges))]
    counts = [func.sum(case((each, records), else_=0)) for each in within]
    query = (
        select(OBJECTS.c.source, func.min(created), func.max(created), *counts)
        .join(BATCHES, BATCHES.c.object_id == OBJECTS.c.id)
        .where(OBJECTS.c.pipeline == pipeline, BATCHES.c.kind == BatchKind.CUT.value, records > 0)
        .group_by(OBJECTS.c.source)
    )
    rows = list(connection.execute(query))
    sums = [sum(int(row[3 + place]) for row in rows) for place in range(windows + 1)]
    return Arrivals(
        now=now,
        first=min((row[1] for row in rows), default=None),
        last={row[0]: row[2] for row in rows},
        records=sums[0],
        before=tuple(sums[1:]),
    )
