"""The loop that has workers follow the backlog: look at all queues, decide, write what changed through /scale.

It alone writes the workers' replicas, unless the spec leaves them to KEDA. Each Redis has a round of its own: one that
hangs delays no other. Read dcp_pipeline/scaling for the decision, queues.py for the look, parting.py for the way down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from dcp_operator.children.plan import Live
from dcp_operator.cluster.api import Api, ApiError, ApiUnreachable
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import DEPLOYMENT
from dcp_operator.ground.names import SCALER_FIELD_MANAGER, Owner, PipelineKey, child_name
from dcp_operator.scaling.commit_times import observed
from dcp_operator.scaling.keda import keda_holds
from dcp_operator.scaling.parting import Parting
from dcp_operator.scaling.queues import UNREADABLE, QueueReader
from dcp_operator.scaling.scaled import UNREAD_SHOWN_LOOKS, UNSEEN, Scaled, load_of, shown
from dcp_operator.scaling.server import Server
from dcp_operator.scaling.targets import Group, Target, Targets
from dcp_operator.status.conditions import cut, timestamp
from dcp_operator.status.events import News, Recorder
from dcp_operator.status.metrics import Metrics
from dcp_operator.status.seen import QueueSeen
from dcp_pipeline.scaling.decision import decide_replicas
from dcp_pipeline.scaling.model import Decision, Load, Memory, Unread, Workers
from dcp_pipeline.scaling.of_spec import bounds_of, policy_of
from dcp_pipeline.spec.kubernetes.status import ScalingDecision
from dcp_pipeline.spec.model import Pipeline

log = logging.getLogger(__name__)

WRITES_AT_ONCE = 8
LONGEST_REASON = 1024


class Scaler:
    """start_round looks at every queue once. `tell` is called with a pipeline whose status has news."""

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
        self._parting = Parting(api, reader)
        self._known: dict[PipelineKey, Scaled] = {}
        self._grouped: tuple[Group, ...] = ()
        self._rounds: dict[Server, asyncio.Task[None]] = {}
        self._writes = asyncio.Semaphore(WRITES_AT_ONCE)

    def known(self, key: PipelineKey) -> Scaled | None:
        """What is known of a pipeline; None until it was looked at."""
        return self._known.get(key)

    async def run_once(self) -> None:
        """One look at all queues, and what follows from it."""
        await asyncio.gather(*self.start_round())

    def start_round(self) -> list[asyncio.Task[None]]:
        """Begin a look at each server, but for those whose last one goes on."""
        groups = self._targets.groups
        if groups is not self._grouped:
            self._forget(self._targets.by_key)
            self._grouped = groups
        for server in [each for each, task in self._rounds.items() if task.done()]:
            self._rounds.pop(server)
        self._reader.keep({*(group.server for group in groups), *self._rounds})
        for group in groups:
            if group.server not in self._rounds:
                self._rounds[group.server] = asyncio.create_task(self._round(group))
        return list(self._rounds.values())

    async def _round(self, group: Group) -> None:
        try:
            await self._one_round(group)
        except Exception as error:  # of this server's pipelines alone, whatever it is
            self._metrics.error("scaler", error)
            log.exception(
                "the queues of a server were not looked at", extra={"pipelines": [str(key) for key in group.names][:10]}
            )

    async def _one_round(self, group: Group) -> None:
        begun = self._monotonic()
        seen = await self._reader.read(group.server, group.queues)
        self._metrics.looked(self._monotonic() - begun)
        looked: dict[PipelineKey, Scaled] = {}
        for key, target in group.targets.items():
            # some may have gone while a server hung
            if key in self._targets.by_key and (scaled := self._looked(key, target, seen[group.names[key]])):
                looked[key] = scaled
        to_follow = [key for key, scaled in looked.items() if scaled.to_follow or self._parting.has_asked(key)]
        await asyncio.gather(*(self._follow(key, group.targets[key], looked[key]) for key in to_follow))
        await self._leave_notes(group, [key for key, scaled in looked.items() if scaled.queue.stats is not None])

    def _looked(self, key: PipelineKey, target: Target, queue: QueueSeen) -> Scaled | None:
        """None where a pipeline brought up what nobody foresaw: that is this pipeline's alone."""
        try:
            return self._look(key, target, queue)
        except Exception as error:
            self._metrics.error("scaler", error)
            log.exception("not looked at", extra={"pipeline": str(key)})
            return None

    def _look(self, key: PipelineKey, target: Target, queue: QueueSeen) -> Scaled:
        """Decide, and remember; nothing is written."""
        before, now, live = self._known.get(key, UNSEEN), self._monotonic(), self._store.deployment(key, "worker")
        if before.rests(queue, (target, live)):
            scaled = msgspec.structs.replace(before, queue=queue, shown=queue, read_at=now, rested=True)
        else:
            scaled = self._looked_closely(key, target, queue, live, self._woken(target, before), now)
        self._known[key] = scaled
        same = before.shown is scaled.shown and (before.wanted, before.cause) == (scaled.wanted, scaled.cause)
        if not same and news_of(before) != news_of(scaled):
            self._tell(key)
        return scaled

    def _woken(self, target: Target, before: Scaled) -> Scaled:
        """As if a decision had been made at the last look too."""
        decision, at = before.decision, before.read_at
        if not before.rested or decision is None or at is None:
            return before
        decision = decide(target.pipeline, load_of(before, at), Workers(0, 0), decision.memory, at)
        return msgspec.structs.replace(before, decision=decision, rested=False)

    def _looked_closely(
        self, key: PipelineKey, target: Target, queue: QueueSeen, live: Live | None, before: Scaled, now: float
    ) -> Scaled:
        read_at = before.read_at if before.read_at is not None and queue.stats is None else now
        commits = observed(before.commits, queue.workers, now)
        missed = before.missed + 1 if queue.stats is None else 0
        scaled = Scaled(
            queue, read_at, commits, changed=before.changed, noted=before.noted, refused=before.refused, missed=missed
        )
        scaled = msgspec.structs.replace(scaled, shown=shown(before, scaled, now))
        if live is None:
            return scaled
        workers = workers_of(live.document)
        scaled = msgspec.structs.replace(scaled, current=workers.wanted)
        if not target.held and not self._is_kedas(key, target):
            decision = _decided(target.pipeline, scaled, before.decision, workers, now)
            decided_on = (target, live) if workers == Workers(0, 0) else None
            scaled = msgspec.structs.replace(scaled, decision=decision, decided_on=decided_on)
            scaled = scaled if scaled.to_follow else msgspec.structs.replace(scaled, refused=None)
        backlog = queue.stats.backlog if queue.stats else None
        self._metrics.scaling(key, backlog, scaled.wanted, workers.wanted, scaled.cause)
        return scaled

    def _is_kedas(self, key: PipelineKey, target: Target) -> bool:
        wanted = target.pipeline.spec.scaling.engine == "keda"
        return wanted or keda_holds(self._store.scaled_object(key), self._now())

    async def _follow(self, key: PipelineKey, target: Target, scaled: Scaled) -> None:
        """Bring the Deployment to what was decided, as far as nobody who works is stopped."""
        decision, current, readable = scaled.decision, scaled.current, scaled.queue.stats is not None
        try:
            async with self._writes:
                if self._parting.has_asked(key) and readable and not scaled.to_shrink:
                    await self._parting.stay(target.server, target.pipeline)
                if decision is None or current is None:
                    return
                replicas, why = decision.replicas, decision.reason
                if scaled.to_shrink and readable:
                    replicas = await self._parting.spared(target.server, target.pipeline, replicas, current)
                    if replicas > decision.replicas:
                        why = f"{why}; {replicas - decision.replicas} more follow when they are idle"
                if replicas != current:
                    await self._scale(key, target.owner, current, replicas, why)
        except (ApiError, ApiUnreachable, *UNREADABLE) as error:
            if isinstance(error, ApiError):
                self._note_refusal(key, f"HTTP {error.status}: {error}")
            self._metrics.error("scaler", error)
            log.warning("not scaled", extra={"pipeline": str(key), "error": str(error)})
        except Exception as error:  # of this pipeline alone, whatever it is
            self._metrics.error("scaler", error)
            log.exception("not scaled", extra={"pipeline": str(key)})

    def _note_refusal(self, key: PipelineKey, refused: str | None) -> None:
        if key in self._known and self._known[key].refused != refused:
            self._known[key] = msgspec.structs.replace(self._known[key], refused=refused)
            self._tell(key)

    async def _scale(self, key: PipelineKey, owner: Owner, current: int, replicas: int, why: str) -> None:
        await self._api.apply(DEPLOYMENT, scale_document(key, replicas), SCALER_FIELD_MANAGER, "scale")
        self._store.note_replicas(key, replicas)
        self._note_refusal(key, None)
        await self._recorder.post(owner, News("Normal", "Scale", "Scaled", f"workers {current} -> {replicas}: {why}"))
        changed = ScalingDecision(replicas=replicas, reason=cut(why, LONGEST_REASON), time=timestamp(self._now()))
        if key in self._known:
            self._known[key] = msgspec.structs.replace(self._known[key], changed=changed)
            self._tell(key)

    async def _leave_notes(self, group: Group, keys: list[PipelineKey]) -> None:
        """Tell `dcp status` what has changed since it was last told."""
        now = self._now().timestamp()
        known = {key: self._known[key] for key in keys if key in self._known}
        notes = {key: note for key, scaled in known.items() if (note := scaled.note(now)) is not None}
        if not notes:
            return
        names = group.names
        changed = [
            names[key]
            for key, note in notes.items()
            if (last := known[key].noted) is None or last.replicas != note.replicas
        ]
        try:
            await self._reader.leave_notes(group.server, {names[key]: note for key, note in notes.items()}, changed)
        except UNREADABLE as error:
            self._metrics.error("notes", error)
            return
        for key, note in notes.items():
            if key in self._known:
                self._known[key] = msgspec.structs.replace(self._known[key], noted=note)

    def _forget(self, targets: Iterable[PipelineKey]) -> None:
        for key in self._known.keys() - set(targets):
            del self._known[key]
            self._parting.forget(key)
            self._metrics.forget(key)


def _decided(
    pipeline: Pipeline, scaled: Scaled, before: Decision | None, workers: Workers, now: float
) -> Decision:  # fmt: skip
    """What was decided last, where it is so and a single look has failed."""
    if before is not None and 0 < scaled.missed < UNREAD_SHOWN_LOOKS and before.replicas == workers.wanted:
        return before
    return decide(pipeline, load_of(scaled, now), workers, before.memory if before else Memory(), now)


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


def news_of(scaled: Scaled) -> tuple[object, ...]:
    """What is worth a look at the status. A report's time alone is not."""
    if scaled.shown is None:
        return (scaled.wanted, scaled.cause)
    reports = {name: msgspec.structs.replace(each, at=0.0) for name, each in scaled.shown.reports.items()}
    return (scaled.shown.stats, scaled.shown.error, reports, scaled.wanted, scaled.cause)
