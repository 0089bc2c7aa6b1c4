"""What the conditions are made of: what was observed of a pipeline; and what one of them finds. Values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dcp_operator.children.judge import Refusal
from dcp_pipeline.observe.report import Report
from dcp_pipeline.queue.model import QueueStats, WorkerReport
from dcp_pipeline.spec.kubernetes.status import ConditionStatus
from dcp_pipeline.spec.model import State

NO_WORKER = "WorkersNotReady"
UNDERWAY = frozenset({"Ending", "Forgetting"})
"""Reasons of a pipeline that is being deleted, and goes on to by itself."""
REPORT_STALE_SECONDS = 120.0
WORKERS_GRACE_SECONDS = 120.0
"""So long may workers that are wanted start, from zero too, before none of them being ready is told."""


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

    @property
    def out(self) -> bool:
        """Whether all pods that there are, are of the present template."""
        return self.settled and self.updated >= self.replicas

    @property
    def none_ready(self) -> bool:
        """Whether pods are wanted, and not one is ready."""
        return self.wanted > 0 and self.ready < 1


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
    state: State
    fetcher: DeploymentSeen | None
    workers: DeploymentSeen | None
    queue: QueueSeen | None
    """None until the scaler has looked."""
    scaling_reason: str | None
    now: datetime
    scaling_cause: str = "FollowingBacklog"
    """The reason in one word."""
    scaling_refused: str | None = None
    """Why the API server did not take the last number of workers."""
    trouble: Mapping[str, str] = field(default_factory=dict)
    """Component -> what keeps a pod of it from coming up, as the kubelet says."""
    being_made: Mapping[str, str] = field(default_factory=dict)
    """Component -> which pod of it has had no container for long, and how to find out why."""
    revision: str | None = None
    """Of what the pods are to run; None where the spec cannot be used."""
    unseen: Mapping[str, int] = field(default_factory=dict)
    """Kinds of children that the API server does not let the operator see here, and with which HTTP code."""
    keda: KedaSeen | None = None
    """What KEDA says, where it scales the workers."""
    none_ready_seconds: float = 0.0
    """For how long workers have been wanted without one being ready."""
    held: bool = False
    """Whether somebody has asked the operator to keep its hands off."""
    at_rest: bool = True
    """False: its Deployments count no pod any more, and some are still ending."""
    waiting: bool = False
    """Whether pods are to be renewed by a release of the operator, and it is not this pipeline's turn."""

    @property
    def paused(self) -> bool:
        """Whether nothing is fetched, as the spec says."""
        return self.state != "Running"

    @property
    def no_worker(self) -> str | None:
        """Why nothing is cleaned though workers are wanted and had time to start."""
        if self.workers is None or not self.workers.none_ready or self.none_ready_seconds < WORKERS_GRACE_SECONDS:
            return None
        minutes = f"{WORKERS_GRACE_SECONDS / 60:.0f} min"
        why = self.being_made.get("worker") or self.workers.failure or "see their log"
        return f"none of the {self.workers.wanted} workers that are wanted has been ready for {minutes}: {why}"

    @property
    def renewing(self) -> str | None:
        """Whose pods are not all of the present revision yet."""
        for name, each in (("fetcher", self.fetcher), ("worker", self.workers)):
            if each is not None and not each.out:
                return name
        return None

    @property
    def failing(self) -> str | None:
        """What keeps pods that are wanted from coming up, in words."""
        for name, each in (("fetcher", self.fetcher), ("worker", self.workers)):
            lacking = each is not None and each.ready < each.wanted
            why = self.trouble.get(name) or (each.failure if each is not None else None)
            if lacking and why:
                return f"the {name} pods do not come up: {why}"
        return None


@dataclass(frozen=True)
class Found:
    """What a condition is now."""

    status: ConditionStatus
    reason: str
    message: str


def stale(report: Report, now: datetime) -> bool:
    """Whether a report is too old to be believed."""
    return now.timestamp() - report.at > REPORT_STALE_SECONDS


def told_by_the_fetcher(seen: Observed) -> Report | Found:
    """Its last report; or why there is none that tells how the sources are now."""
    if seen.paused:
        return Found("Unknown", "Paused", "draining or stopped: no source is looked at")
    report = seen.queue.reports.get("fetcher") if seen.queue else None
    if report is None or stale(report, seen.now):
        return Found("Unknown", "NoReport", "the fetcher has not told lately")
    if report.sink and not report.sources:
        return Found("Unknown", "NoReport", "the fetcher cannot begin: SinkReachable says why")
    return report


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


def not_at_work(seen: Observed) -> Found | None:
    """Why nothing can be said of the work, or why it cannot be done: no look at the queue, no queue, no Deployment."""
    if seen.queue is None:
        return Found("Unknown", "NotYetRead", "the queue has not been looked at yet")
    if seen.queue.stats is None:
        return Found("False", "QueueUnreachable", f"the queue cannot be read: {seen.queue.error}")
    if seen.workers is None:
        return Found("False", "WorkersMissing", "the workers' Deployment is not there")
    return None
