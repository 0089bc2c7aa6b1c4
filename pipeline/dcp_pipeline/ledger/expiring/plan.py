"""How far rows have expired, and which partitions are wanted. Pure.

A bound is 8 hexadecimal digits: what the identities of a moment's rows begin with (the worker's ground/order.py). Rows
expire by steps, so that they go by partitions: at least `keep` old, and a step more at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from dcp_pipeline.database.horizon import FIRST
from dcp_pipeline.spec.model import Pipeline

MOST_DIGITS = 8
AHEAD = 5
"""Steps for which partitions are made before they are needed."""
LEAST_AHEAD = 2
_STEPS_IN_KEEP = 20
_STEPS_SECONDS = (30 * 86_400, 7 * 86_400, 86_400, 6 * 3600, 3600, 900, 300, 60, 10)
_DAY_SECONDS = 86_400
_DAY_ZERO = 2**31
_MOST = 2**32 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kept(msgspec.Struct, frozen=True):
    """How long rows are kept, and by which field: the one that their identities begin with."""

    by: str
    kind: Literal["date", "datetime"]
    keep_seconds: float

    @property
    def step_seconds(self) -> int:
        """How far apart bounds are."""
        return max(_DAY_SECONDS if self.kind == "date" else 0, step_seconds(self.keep_seconds))


class Expired(msgspec.Struct, frozen=True):
    """What was done in one go. `whole`: nothing is left to do until the next step of time."""

    rows: int = 0
    rejects: int = 0
    partitions: int = 0
    whole: bool = True


def step_seconds(keep_seconds: float) -> int:
    """A twentieth of what is kept, rounded down to a step that people know."""
    wanted = keep_seconds / _STEPS_IN_KEEP
    return next((each for each in _STEPS_SECONDS if each <= wanted), _STEPS_SECONDS[-1])


def kept_of(pipeline: Pipeline) -> Kept | None:
    """Of a spec that was checked; None where rows are kept for ever."""
    retention, field = pipeline.retention, pipeline.spec.cleaning.ordered_by
    if retention is None or retention.keep is None or field is None or field.type not in ("date", "datetime"):
        return None
    return Kept(field.name, field.type, retention.keep.seconds)


def bound(moment: datetime, kind: Literal["date", "datetime"]) -> str:
    """Of a moment in UTC."""
    seconds = int((moment.replace(tzinfo=UTC) - _EPOCH) / timedelta(seconds=1))
    number = seconds if kind == "datetime" else seconds // _DAY_SECONDS + _DAY_ZERO
    return f"{min(max(number, 1), _MOST):08x}"


def horizon(kept: Kept, now: datetime) -> str:
    """Rows of before have expired at `now` (UTC)."""
    return bound(floored(now - timedelta(seconds=kept.keep_seconds), kept.step_seconds), kept.kind)


def first_bounds(kept: Kept, now: datetime) -> tuple[str, ...]:
    """The upper bounds of a new table's partitions, but for the last one, which takes what is later."""
    return (FIRST, *_from(kept, horizon(kept, now), now))


def more_bounds(kept: Kept, now: datetime, standing: Sequence[str]) -> tuple[str, ...]:
    """Those that are to be added: nothing while there are enough of them."""
    step = timedelta(seconds=kept.step_seconds)
    last = max(standing, default=FIRST)
    if last >= bound(now + LEAST_AHEAD * step, kept.kind):
        return ()
    return tuple(each for each in _from(kept, max(last, horizon(kept, now)), now) if each > last)


def _from(kept: Kept, first: str, now: datetime) -> tuple[str, ...]:
    """From a bound to the last that is wanted now, both of them."""
    step = timedelta(seconds=kept.step_seconds)
    end = floored(now, kept.step_seconds) + (AHEAD + 1) * step
    each, found = floored(now - timedelta(seconds=kept.keep_seconds), kept.step_seconds), {first}
    while each <= end:
        found.add(bound(each, kept.kind))
        each += step
    return tuple(sorted(every for every in found if every >= first))


def floored(moment: datetime, step: int) -> datetime:
    """A moment (UTC), back to its step of so many seconds."""
    since = moment.replace(tzinfo=UTC) - _EPOCH
    return (_EPOCH + since // timedelta(seconds=step) * timedelta(seconds=step)).replace(tzinfo=None)
