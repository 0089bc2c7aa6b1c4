"""When each source last brought records, and how many came of late: by the ledger, and the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

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


def arrivals(connection: Connection, pipeline: str, seconds: float) -> Arrivals:
    """Of a pipeline; records of the last `seconds`."""
    since = seconds_ago(connection, seconds)
    late = func.sum(case((BATCHES.c.created_at >= since, BATCHES.c.records), else_=0))
    query = (
        select(OBJECTS.c.source, func.min(BATCHES.c.created_at), func.max(BATCHES.c.created_at), late)
        .join(BATCHES, BATCHES.c.object_id == OBJECTS.c.id)
        .where(OBJECTS.c.pipeline == pipeline, BATCHES.c.kind == BatchKind.CUT.value, BATCHES.c.records > 0)
        .group_by(OBJECTS.c.source)
    )
    rows = list(connection.execute(query))
    return Arrivals(
        now=seconds_ago(connection, 0),
        first=min((first for _, first, _, _ in rows), default=None),
        last={source: last for source, _, last, _ in rows},
        records=sum(int(count) for *_, count in rows),
    )
