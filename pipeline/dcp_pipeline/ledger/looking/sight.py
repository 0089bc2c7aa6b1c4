"""What of a pipeline somebody may have to be told: what is expected, what is dead, unavailable, or does not add up.

It costs what is new: what was settled within a day, and what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select

from dcp_pipeline.ledger.holding import is_not_held
from dcp_pipeline.ledger.looking.arrivals import Arrivals, arrivals
from dcp_pipeline.ledger.looking.expectations import Verdict, expectations_of
from dcp_pipeline.ledger.looking.overview import totals
from dcp_pipeline.ledger.model import BatchState, ObjectState
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS
from dcp_pipeline.spec.model import Spec

_NAMED = 3


class Failed(msgspec.Struct, frozen=True):
    """What could not be read or done, and why."""

    what: str
    why: str


class Sight(msgspec.Struct, frozen=True):
    """One look at the ledger. Times are UTC, without zone, by the database's clock."""

    came: Arrivals
    expected: tuple[Verdict, ...] = ()
    objects: Mapping[ObjectState, int] = {}
    unavailable: tuple[Failed, ...] = ()
    """The latest of them."""
    dead_batches: int = 0
    """Without those that are held: `expected` tells of them."""
    dead_records: int = 0
    dead: tuple[Failed, ...] = ()
    """The latest of them."""
    unbalanced: int = 0
    """Objects whose counts do not add up, or of which cuts are missing."""

    @property
    def last(self) -> Mapping[str, datetime]:
        """When each source last brought records."""
        return self.came.last


def sight(connection: Connection, pipeline: str, spec: Spec) -> Sight:
    """Look once."""
    volume = spec.expect.records if spec.expect else None
    came = arrivals(connection, pipeline, volume.per.seconds if volume else 0, volume.windows if volume else 0)
    sources = [each.name for each in spec.sources]
    batches, records = _dead(connection, pipeline)
    sums = totals(connection, pipeline)
    objects = sums.objects
    return Sight(
        came=came,
        expected=expectations_of(connection, pipeline, spec.expect, sources, came) if spec.expect else (),
        objects=objects,
        unavailable=_latest_unavailable(connection, pipeline) if objects[ObjectState.UNAVAILABLE] else (),
        dead_batches=batches,
        dead_records=records,
        dead=_latest_dead(connection, pipeline) if batches else (),
        unbalanced=sums.gaps + sums.uneven,
    )


def _dead(connection: Connection, pipeline: str) -> tuple[int, int]:
    query = select(func.count(), func.coalesce(func.sum(BATCHES.c.records), 0))
    dead = query.where(BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.DEAD.value, is_not_held())
    batches, records = connection.execute(dead).one()
    return int(batches), int(records)


def _latest_dead(connection: Connection, pipeline: str) -> tuple[Failed, ...]:
    query = (
        select(OBJECTS.c.uri, BATCHES.c.sequence, BATCHES.c.reason)
        .join(OBJECTS, OBJECTS.c.id == BATCHES.c.object_id)
        .where(BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.DEAD.value, is_not_held())
        .order_by(BATCHES.c.settled_at.desc())
        .limit(_NAMED)
    )
    found: Sequence[tuple[str, int, str | None]] = [tuple(row) for row in connection.execute(query)]
    return tuple(Failed(f"batch {sequence} of {uri}", reason or "") for uri, sequence, reason in found)


def _latest_unavailable(connection: Connection, pipeline: str) -> tuple[Failed, ...]:
    query = (
        select(OBJECTS.c.uri, OBJECTS.c.reason)
        .where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.state == ObjectState.UNAVAILABLE.value)
        .order_by(OBJECTS.c.number.desc())
        .limit(_NAMED)
    )
    return tuple(Failed(row.uri, row.reason or "") for row in connection.execute(query))
