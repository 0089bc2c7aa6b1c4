"""The status of a pipeline, from what was observed, and when it is worth a write. Pure."""

from __future__ import annotations

import msgspec

from dcp_operator.status.conditions import conditions_of
from dcp_operator.status.seen import DeploymentSeen, Observed, QueueSeen
from dcp_pipeline.observe.report import Report
from dcp_pipeline.spec.kubernetes.status import Backlog, Condition, Records, Replicas, Revision, ScalingDecision, Status

COUNTS_SECONDS = 10.0
"""Counts change all the time while there is work; they are written no more often than this."""

_SCALING = ("ScalingActive", "True")
_EXPECTED = ("Expected", "False")


def status_of(seen: Observed, before: Status | None, scaled: ScalingDecision | None) -> Status:
    """The status. What is not known now stays as it was last known."""
    return Status(
        observed_generation=seen.generation,
        conditions=conditions_of(seen, before.conditions if before else ()),
        revision=_revision(seen, before.revision if before else None),
        backlog=_backlog(seen.queue) or (before.backlog if before else None),
        records=_records(seen.queue) or (before.records if before else None),
        fetcher=_replicas(seen.fetcher),
        workers=_replicas(seen.workers),
        scaling=scaled or (before.scaling if before else None),
    )


def _revision(seen: Observed, before: Revision | None) -> Revision | None:
    if seen.revision is None:
        return before
    out = (
        not seen.waiting
        and seen.refusal is None
        and seen.renewing is None
        and seen.failing is None
        and seen.workers is not None
    )
    return Revision(wanted=seen.revision, running=seen.revision if out else before.running if before else None)


def due_in(status: Status, before: Status | None, seconds_since_counts: float) -> float | None:
    """In how many seconds to write the status: 0 for now, None when there is nothing new."""
    if before is None:
        return 0.0
    if status == before:
        return None
    if _without_counts(status) != _without_counts(before):
        return 0.0
    return max(0.0, COUNTS_SECONDS - seconds_since_counts)


def _without_counts(status: Status) -> Status:
    """The part that is written at once: where it differs, something happened. Why there are as many workers as there
    are, and in which numbers something is not as expected, changes with the counts, and waits with them."""
    conditions = tuple(_without_figures(each) for each in status.conditions)
    return msgspec.structs.replace(status, backlog=None, records=None, conditions=conditions)


def _without_figures(each: Condition) -> Condition:
    if (each.type, each.status) == _SCALING:
        return msgspec.structs.replace(each, reason="", message="")
    return msgspec.structs.replace(each, message="") if (each.type, each.status) == _EXPECTED else each


def _backlog(queue: QueueSeen | None) -> Backlog | None:
    if queue is None or queue.stats is None:
        return None
    stats = queue.stats
    return Backlog(
        batches=stats.backlog,
        bytes=stats.bytes,
        in_flight=stats.inflight,
        dead=stats.dead,
        oldest_age_seconds=int(stats.oldest_age_seconds),
    )


def _records(queue: QueueSeen | None) -> Records | None:
    reports: list[Report] = list(queue.reports.values()) if queue else []
    with_totals = [each for each in reports if each.totals is not None]
    if not with_totals:
        return None
    totals = max(with_totals, key=lambda each: each.at).totals
    return msgspec.convert(msgspec.to_builtins(totals), Records)


def _replicas(seen: DeploymentSeen | None) -> Replicas | None:
    return Replicas(replicas=seen.replicas, ready=seen.ready, desired=seen.wanted) if seen else None
