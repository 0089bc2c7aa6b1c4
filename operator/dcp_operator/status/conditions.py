"""The conditions of a pipeline: what was observed in, conditions out. Pure; status.py puts the status together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dcp_operator.children.judge import Refusal
from dcp_pipeline.observe.report import Report
from dcp_pipeline.queue.model import QueueStats, WorkerReport
from dcp_pipeline.spec.kubernetes.status import Condition, ConditionStatus

REPORT_STALE_SECONDS = 120.0


@dataclass(frozen=True)
class DeploymentSeen:
    """What a Deployment says of itself."""

    wanted: int
    replicas: int
    ready: int
    updated: int
    settled: bool
    """Whether its controller has seen its present generation."""
    failure: str | None
    """Why its pods do not come up."""


@dataclass(frozen=True)
class QueueSeen:
    """The last look at the queue. `stats` None: it could not be read, and `error` says why."""

    stats: QueueStats | None
    error: str | None
    reports: Mapping[str, Report]
    workers: tuple[WorkerReport, ...] = ()
    """The worker processes that have told of themselves lately."""


@dataclass(frozen=True)
class KedaSeen:
    """What KEDA says of the ScaledObject."""

    ready: bool | None
    """None: nothing yet."""
    message: str


@dataclass(frozen=True)
class Observed:
    """Everything that conditions are made of."""

    generation: int
    refusal: Refusal | None
    """Why the spec cannot be used, or its children cannot be made."""
    paused: bool
    fetcher: DeploymentSeen | None
    workers: DeploymentSeen | None
    queue: QueueSeen | None
    """None until the scaler has looked."""
    scaling_reason: str | None
    now: datetime
    scaling_cause: str = "FollowingBacklog"
    """The reason in one word."""
    keda: KedaSeen | None = None
    """What KEDA says, where it scales the workers."""


def conditions_of(seen: Observed, before: Sequence[Condition]) -> tuple[Condition, ...]:
    """All six; the time of a transition is kept while the status is the same."""
    found = {
        "Ready": _ready(seen),
        "Progressing": _progressing(seen),
        "Degraded": _degraded(seen),
        "ScalingActive": _scaling_active(seen),
        "SourcesReachable": _sources(seen),
        "SinkReachable": _sink(seen),
    }
    earlier = {each.type: each for each in before}
    return tuple(_condition(name, each, earlier.get(name), seen) for name, each in found.items())


@dataclass(frozen=True)
class _Found:
    status: ConditionStatus
    reason: str
    message: str


def _condition(name: str, found: _Found, before: Condition | None, seen: Observed) -> Condition:
    same = before is not None and before.status == found.status
    return Condition(
        type=name,
        status=found.status,
        reason=found.reason,
        message=found.message,
        last_transition_time=before.last_transition_time if same and before else timestamp(seen.now),
        observed_generation=seen.generation,
    )


def timestamp(moment: datetime) -> str:
    """As Kubernetes writes times."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _ready(seen: Observed) -> _Found:
    if seen.refusal:
        return _Found("False", seen.refusal.reason, seen.refusal.message)
    if seen.queue is not None and seen.queue.stats is None:
        return _Found("False", "QueueUnreachable", f"the queue cannot be read: {seen.queue.error}")
    if seen.paused:
        return _Found("True", "Paused", "paused: nothing is fetched; what was in the queue is finished")
    if seen.fetcher is None or seen.fetcher.ready < 1:
        why = seen.fetcher.failure if seen.fetcher and seen.fetcher.failure else "its pod is not ready"
        return _Found("False", "FetcherNotReady", f"the fetcher: {why}")
    if seen.workers is None:
        return _Found("False", "WorkersMissing", "the workers' Deployment is not there")
    if seen.workers.wanted > 0 and seen.workers.ready < 1:
        why = seen.workers.failure or "no pod is ready"
        return _Found("False", "WorkersNotReady", f"the workers: {why}")
    return _Found("True", "Running", "fetcher and workers are as the spec asks")


def _progressing(seen: Observed) -> _Found:
    for name, each in (("fetcher", seen.fetcher), ("worker", seen.workers)):
        if each is None:
            continue
        if not each.settled or each.updated < each.replicas or each.updated < each.wanted:
            return _Found("True", "RollingOut", f"the {name} pods are being renewed")
        if each.replicas > each.wanted or each.ready < each.wanted:
            return _Found("True", "Scaling", f"the {name} pods are becoming {each.wanted}")
    return _Found("False", "Settled", "every pod is as it should be")


def _degraded(seen: Observed) -> _Found:
    failures = [
        f"the {name}: {each.failure}"
        for name, each in (("fetcher", seen.fetcher), ("workers", seen.workers))
        if each is not None and each.failure
    ]
    if failures:
        return _Found("True", "PodsFailing", "; ".join(failures))
    stats = seen.queue.stats if seen.queue else None
    if stats is not None and stats.dead:
        return _Found("True", "DeadBatches", f"{stats.dead} batches were given up: see `dcp dead ls`")
    return _Found("False", "AsExpected", "nothing is failing")


def _scaling_active(seen: Observed) -> _Found:
    if seen.queue is None:
        return _Found("Unknown", "NotYetRead", "the queue has not been looked at yet")
    if seen.queue.stats is None:
        return _Found("False", "QueueUnreachable", f"the queue cannot be read: {seen.queue.error}")
    if seen.workers is None:
        return _Found("False", "WorkersMissing", "the workers' Deployment is not there")
    if seen.keda is not None:
        return _by_keda(seen.keda)
    return _Found("True", seen.scaling_cause, seen.scaling_reason or "workers follow the backlog")


def _by_keda(keda: KedaSeen) -> _Found:
    if keda.ready is None:
        return _Found("Unknown", "KedaSilent", f"the ScaledObject: {keda.message}")
    if not keda.ready:
        return _Found("False", "KedaNotReady", f"the ScaledObject: {keda.message}")
    return _Found("True", "KedaScales", f"KEDA scales the workers: {keda.message}")


def _sources(seen: Observed) -> _Found:
    if seen.paused:
        return _Found("Unknown", "Paused", "paused: no source is looked at")
    report = seen.queue.reports.get("fetcher") if seen.queue else None
    if report is None or _stale(report, seen.now):
        return _Found("Unknown", "NoReport", "the fetcher has not told lately")
    problems = [f"{name}: {problem}" for name, problem in sorted(report.sources.items()) if problem]
    if problems:
        return _Found("False", "Unreachable", "; ".join(problems))
    return _Found("True", "Reachable", "every source answers")


def _sink(seen: Observed) -> _Found:
    reports = [each for each in (seen.queue.reports.values() if seen.queue else ()) if not _stale(each, seen.now)]
    if not reports:
        return _Found("Unknown", "NoReport", "no pod has told lately")
    latest = max(reports, key=lambda each: each.at)
    if latest.sink:
        return _Found("False", "Unreachable", latest.sink)
    return _Found("True", "Reachable", "the database answers")


def _stale(report: Report, now: datetime) -> bool:
    return now.timestamp() - report.at > REPORT_STALE_SECONDS


def deployment_seen(document: Mapping[str, Any]) -> DeploymentSeen:
    """What a live Deployment says."""
    spec, status = document["spec"], document.get("status", {})
    return DeploymentSeen(
        wanted=spec.get("replicas", 1),
        replicas=status.get("replicas", 0),
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
        settled=status.get("observedGeneration", 0) >= document["metadata"].get("generation", 0),
        failure=_failure(status.get("conditions", ())),
    )


def _failure(conditions: Sequence[Mapping[str, Any]]) -> str | None:
    for each in conditions:
        failed = (each["type"], each["status"]) == ("ReplicaFailure", "True")
        if failed or each.get("reason") == "ProgressDeadlineExceeded":
            return str(each.get("message", each.get("reason")))
    return None
