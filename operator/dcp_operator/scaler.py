"""The loop that has workers follow the backlog: look at all queues, decide, write what changed through /scale.

It alone writes the workers' replicas. Read dcp_pipeline/scaling for the decision, queues.py for the look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dcp_operator.api import Api, ApiError, ApiUnreachable
from dcp_operator.conditions import QueueSeen, timestamp
from dcp_operator.events import News, Recorder
from dcp_operator.kinds import DEPLOYMENT
from dcp_operator.metrics import Metrics
from dcp_operator.names import SCALER_FIELD_MANAGER, Owner, PipelineKey, child_name
from dcp_operator.queues import QueueReader, Server
from dcp_operator.store import Store
from dcp_pipeline.scaling.decision import decide_replicas
from dcp_pipeline.scaling.model import Decision, Load, Memory, Unread, Workers
from dcp_pipeline.scaling.of_spec import bounds_of, policy_of
from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.status import ScalingDecision

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """A pipeline that is scaled: the last usable spec, and where its queue is."""

    owner: Owner
    pipeline: Pipeline
    server: Server


@dataclass(frozen=True)
class Scaled:
    """What the scaler knows of one pipeline. Times are monotonic seconds."""

    queue: QueueSeen
    read_at: float
    """When the queue was last read; at first, when it was first tried."""
    decision: Decision | None = None
    changed: ScalingDecision | None = None
    """The last decision that changed something, since this process started."""


@dataclass
class Targets:
    """Which pipelines are scaled; the reconciler writes it, the scaler reads it."""

    by_key: dict[PipelineKey, Target] = field(default_factory=dict)


class Scaler:
    """run_once looks at every queue once. `tell` is called with a pipeline whose status has news."""

    def __init__(
        self,
        targets: Targets,
        store: Store,
        reader: QueueReader,
        api: Api,
        recorder: Recorder,
        metrics: Metrics,
        tell: Callable[[PipelineKey], None],
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._targets, self._store, self._reader, self._api = targets, store, reader, api
        self._recorder, self._metrics, self._tell = recorder, metrics, tell
        self._monotonic, self._now = monotonic, now
        self._known: dict[PipelineKey, Scaled] = {}

    def known(self, key: PipelineKey) -> Scaled | None:
        """What is known of a pipeline; None until it was looked at."""
        return self._known.get(key)

    async def run_once(self) -> None:
        """One look at all queues, each server by itself, and what follows from it."""
        targets = dict(self._targets.by_key)
        by_server: dict[Server, list[PipelineKey]] = {}
        for key, target in targets.items():
            by_server.setdefault(target.server, []).append(key)
        self._forget(targets)
        self._reader.keep(set(by_server))
        await asyncio.gather(*(self._server(server, keys, targets) for server, keys in by_server.items()))

    async def _server(self, server: Server, keys: list[PipelineKey], targets: dict[PipelineKey, Target]) -> None:
        names = {key: targets[key].pipeline.queue_name for key in keys}
        seen = await self._reader.read(server, sorted(set(names.values())))
        for key in keys:
            try:
                await self._pipeline(key, targets[key], seen[names[key]])
            except (ApiError, ApiUnreachable) as error:
                self._metrics.error("scaler", error)
                log.warning("not scaled", extra={"pipeline": str(key), "error": str(error)})

    async def _pipeline(self, key: PipelineKey, target: Target, queue: QueueSeen) -> None:
        before, now = self._known.get(key), self._monotonic()
        read_at = before.read_at if before and queue.stats is None else now
        live = self._store.deployment(key, "worker")
        if live is None:
            self._remember(key, before, Scaled(queue, read_at))
            return
        workers = workers_of(live.document)
        memory = before.decision.memory if before and before.decision else Memory()
        decision = decide(target.pipeline, load_of(queue, now - read_at), workers, memory, now)
        current = workers.wanted
        self._metrics.scaling(key, queue.stats.backlog if queue.stats else None, decision.replicas, current)
        changed = before.changed if before else None
        if decision.replicas != current:
            changed = await self._scale(key, target, current, decision)
        self._remember(key, before, Scaled(queue, read_at, decision, changed))

    async def _scale(self, key: PipelineKey, target: Target, current: int, decision: Decision) -> ScalingDecision:
        await self._api.apply(DEPLOYMENT, scale_document(key, decision.replicas), SCALER_FIELD_MANAGER, "scale")
        self._store.note_replicas(key, decision.replicas)
        note = f"workers {current} -> {decision.replicas}: {decision.reason}"
        await self._recorder.post(target.owner, News("Normal", "Scale", "Scaled", note))
        return ScalingDecision(replicas=decision.replicas, reason=decision.reason, time=timestamp(self._now()))

    def _remember(self, key: PipelineKey, before: Scaled | None, now: Scaled) -> None:
        self._known[key] = now
        if before is None or _news(before) != _news(now):
            self._tell(key)

    def _forget(self, targets: Iterable[PipelineKey]) -> None:
        for key in self._known.keys() - set(targets):
            del self._known[key]
            self._metrics.forget(key)


def load_of(queue: QueueSeen, seconds_unread: float) -> Load | Unread:
    """What the decision is told of a queue."""
    return Load(queue.stats.backlog, queue.stats.inflight) if queue.stats else Unread(seconds_unread)


def workers_of(deployment: Mapping[str, Any]) -> Workers:
    """What a live worker Deployment says of its pods."""
    status = deployment.get("status") or {}
    return Workers(int(deployment["spec"].get("replicas", 1)), int(status.get("readyReplicas", 0)))


def decide(pipeline: Pipeline, load: Load | Unread, workers: Workers, memory: Memory, now: float) -> Decision:
    """The decision for a pipeline."""
    return decide_replicas(load, workers, bounds_of(pipeline), policy_of(pipeline), memory, now)


def scale_document(key: PipelineKey, replicas: int) -> dict[str, object]:
    """What is applied to a worker Deployment's /scale."""
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": child_name(key.name, "worker"), "namespace": key.namespace},
        "spec": {"replicas": replicas},
    }


def _news(scaled: Scaled) -> tuple[object, ...]:
    """What is worth a look at the status. A report's time alone is not."""
    reports = {name: (each.totals, dict(each.sources), each.sink) for name, each in scaled.queue.reports.items()}
    return (scaled.queue.stats, scaled.queue.error, reports, scaled.decision and scaled.decision.replicas)
