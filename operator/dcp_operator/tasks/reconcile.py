"""One task brought to its end: observe, have it run when it is its turn, follow, report. By level, and never twice:
what the status says is done is done; a Job that is there is followed, by whichever replica made it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec

from dcp_operator.apply import Applier
from dcp_operator.children.children import Child
from dcp_operator.children.judge import Refusal, missing_secrets
from dcp_operator.children.plan import Live, plan
from dcp_operator.children.remembered import Remembered
from dcp_operator.cluster.api import Api, ApiError, Document
from dcp_operator.cluster.secret_reader import SecretReader
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import CRON_JOB, JOB, PIPELINE, POD, TASK
from dcp_operator.ground.names import Owner, PipelineKey
from dcp_operator.ground.settings import PodSettings
from dcp_operator.status.events import Recorder
from dcp_operator.status.trouble import being_made, trouble_of
from dcp_operator.status.writing import write_status
from dcp_operator.tasks.children import WantedTask, before_the_run, cron_job, job, refs_needed
from dcp_operator.tasks.report import Stage, condition_of, finished, finished_at, is_true, news_of, status_of, waiting
from dcp_operator.tasks.runs import JOB_NAME_LABEL, ended, ended_well, result_of, suspended
from dcp_operator.tasks.turns import Turns
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.kubernetes.instances import OPERATOR_LABEL
from dcp_pipeline.spec.kubernetes.task.model import TASK_KIND, TaskSpec, task_of
from dcp_pipeline.spec.kubernetes.task.status import TaskStatus, task_status_of
from dcp_pipeline.spec.model import Pipeline

log = logging.getLogger(__name__)

SETTLING_SECONDS = 0.5
WAIT_SECONDS = 5.0
"""Between two looks at what no watch tells of: a pipeline or Secret to come, a turn, a pod."""


class TaskReconciler:
    """run_once(key) brings one task nearer to its end."""

    def __init__(
        self, store: Store, pipelines: Store, api: Api, secrets: SecretReader, applier: Applier, recorder: Recorder,
        pods: PodSettings, now: Callable[[], datetime], remembered: Remembered, turns: Turns, *,
        settled: Callable[[str], bool], mark: Callable[[PipelineKey], None],
        leading: Callable[[], bool] = lambda: True, instance: str = "",
    ) -> None:  # fmt: skip
        self._store, self._pipelines, self._api, self._secrets = store, pipelines, api, secrets
        self._applier, self._recorder, self._pods, self._now = applier, recorder, pods, now
        self._settled, self._mark, self._leading, self._instance = settled, mark, leading, instance
        self._turns, self._remembered = turns, remembered
        self._owners: dict[PipelineKey, Owner] = {}

    async def run_once(self, key: PipelineKey) -> float | None:
        """In how many seconds to come back, if sooner than the next resync. ApiError and ApiUnreachable pass through:
        to be tried again."""
        resource = self._store.pipeline(key)
        if resource is None or "deletionTimestamp" in resource["metadata"]:
            self._forget(key)
            return None
        if not self._leading():
            return None
        if not self._settled(key.namespace):
            return SETTLING_SECONDS
        owner = self._owners[key] = Owner(key.namespace, key.name, str(resource["metadata"]["uid"]), TASK_KIND)
        before = task_status_of(resource.get("status"))
        try:
            spec: TaskSpec | Refusal = task_of(resource)
        except SpecInvalid as error:
            spec = Refusal("InvalidSpec", "; ".join(str(each) for each in error.problems))
        if isinstance(spec, TaskSpec) and spec.schedule is None and finished(before):
            return await self._expire(owner, spec, before)
        try:
            return await self._brought_on(owner, resource, spec, before)
        except ApiError as error:
            if "NamespaceTerminating" in error.causes:
                return None
            raise

    async def _brought_on(
        self, owner: Owner, resource: Document, spec: TaskSpec | Refusal, before: TaskStatus | None
    ) -> float | None:
        if isinstance(spec, Refusal):
            stage, what = waiting(spec), ""
            pipeline: Pipeline | Refusal = Refusal("Unknown", "the task's spec cannot be used")
        else:
            found = await self._pipeline(PipelineKey(owner.namespace, spec.pipeline_ref.name))
            if found is None:
                return None  # another operator looks after that pipeline, and its tasks
            pipeline, what = await self._usable(spec, found), spec.what
            by = self._scheduled if spec.schedule is not None else self._once
            stage = await by(owner, spec, pipeline, before)
        status = status_of(stage, what, pipeline, int(resource["metadata"]["generation"]), before, self._now())
        if self._leading() and status != before:
            await self._tell(owner, status, before)
        if stage.state in ("complete", "failed"):
            self._wake_waiting(owner.namespace)
            return 0.0 if isinstance(spec, TaskSpec) and spec.ttl_seconds_after_finished is not None else None
        return WAIT_SECONDS if stage.state in ("waiting", "at work") else None

    async def _pipeline(self, key: PipelineKey) -> Pipeline | Refusal | None:
        """None: it is another operator's."""
        resource = self._pipelines.pipeline(key)
        if resource is None:
            resource = await self._api.get(PIPELINE, key.namespace, key.name)
            labels = ((resource or {}).get("metadata") or {}).get("labels") or {}
            if resource is not None and labels.get(OPERATOR_LABEL, "") != self._instance:
                return None
        if resource is None or "deletionTimestamp" in resource["metadata"]:
            told = "there is none" if resource is None else "it is being deleted"
            return Refusal("PipelineMissing", f"DataCleaningPipeline {key.name} in namespace {key.namespace}: {told}")
        found = self._remembered.parsed(key, resource).pipeline
        return Refusal("PipelineUnusable", found.message) if isinstance(found, Refusal) else found

    async def _usable(self, spec: TaskSpec, pipeline: Pipeline | Refusal) -> Pipeline | Refusal:
        if isinstance(pipeline, Refusal):
            return pipeline
        refs = refs_needed(spec, pipeline)
        secrets = await self._secrets.read(pipeline.metadata.namespace, {ref.name for ref in refs})
        return missing_secrets(pipeline, secrets, refs) or pipeline

    async def _once(
        self, owner: Owner, spec: TaskSpec, pipeline: Pipeline | Refusal, before: TaskStatus | None
    ) -> Stage:
        running = await self._own_job(owner, before)
        if isinstance(running, Stage):
            return running
        if running is None:
            wanted = self._wanted(owner, spec, pipeline)
            if isinstance(wanted, Refusal):
                return waiting(wanted)
            async with self._turns.of(_pipeline_of(owner, spec), spec.writes) as other:
                if other is not None:
                    return Stage("waiting", "WaitingForItsTurn", f"{other} changes the same pipeline: after it")
                refusal = await self._carry_out(owner, [*before_the_run(wanted), job(wanted)])
            if refusal is not None:
                return waiting(refusal)
            return Stage("at work", "Starting", "its Job is made", owner.name)
        return await self._followed(owner, running)

    async def _own_job(self, owner: Owner, before: TaskStatus | None) -> Document | Stage | None:
        """The task's Job; a Stage where somebody has deleted it."""
        live = self._jobs(owner).get(owner.name)
        if live is not None and live.controller == owner.uid:
            return live.document
        if before is None or before.job is None:
            return None
        found = await self._api.get(JOB, owner.namespace, before.job)
        if found is not None:
            return found
        return Stage("failed", "JobDeleted", f"its Job {before.job} was deleted before it came to its end", before.job)

    async def _followed(self, owner: Owner, running: Document) -> Stage:
        name, pods = str(running["metadata"]["name"]), await self._pods_of(owner, running)
        if ended(running) is None:
            phases = {(each.get("status") or {}).get("phase") for each in pods}
            if "Running" in phases:
                return Stage("at work", "Running", "`dcp` is at work", name)
            if phases & {"Succeeded", "Failed"}:
                return Stage("at work", "Running", "its pod has ended, and its Job is about to", name)
            trouble = next(iter((trouble_of(pods) or being_made(pods, self._now())).values()), "")
            if trouble or not pods:
                said = trouble or "its Job has no pod yet; where that lasts, kubectl describe job says why: a quota?"
                return Stage("at work", "NotStarting" if trouble else "Starting", said, name)
            return Stage("at work", "Starting", "its pod is being made ready", name)
        result = result_of(running, pods)
        good = ended_well(running, result)
        return Stage(
            "complete" if good else "failed", "Completed" if good else "Failed", result.outcome, name, result,
            succeeded_at=result.finished_at if good else None,
        )  # fmt: skip

    async def _scheduled(
        self, owner: Owner, spec: TaskSpec, pipeline: Pipeline | Refusal, before: TaskStatus | None
    ) -> Stage:
        wanted = self._wanted(owner, spec, pipeline)
        refusal = wanted if isinstance(wanted, Refusal) else None
        if isinstance(wanted, WantedTask):
            refusal = await self._carry_out(owner, [*before_the_run(wanted), cron_job(wanted)])
        stage = await self._last_run(owner, before)
        children = self._store.children(owner.key).values()
        made = next((each.document for each in children if each.key.kind == CRON_JOB), {})
        times = made.get("status") or {}
        stage = replace(stage, scheduled_at=times.get("lastScheduleTime"), succeeded_at=times.get("lastSuccessfulTime"))
        if refusal is not None:
            return replace(stage, state="waiting", reason=refusal.reason, message=refusal.message)
        runs = [each.document for each in self._jobs(owner).values() if not each.going]
        if going := [each for each in runs if ended(each) is None]:
            return await self._run_of_schedule(owner, spec, min(going, key=_made_at), stage)
        if spec.suspend:
            return replace(stage, reason="Suspended", message="spec.suspend holds the schedule")
        return stage

    async def _run_of_schedule(self, owner: Owner, spec: TaskSpec, run: Document, stage: Stage) -> Stage:
        name, uid = str(run["metadata"]["name"]), str(run["metadata"]["uid"])
        if suspended(run):
            async with self._turns.of(_pipeline_of(owner, spec), spec.writes) as other:
                if other is not None:
                    said = f"{other} changes the same pipeline: {name} after it"
                    return replace(stage, state="waiting", reason="WaitingForItsTurn", message=said)
                await self._api.resume(JOB, owner.namespace, name, uid)
            return replace(stage, state="at work", reason="Starting", message=f"Job {name} begins", job=name)
        now = await self._followed(owner, run)
        return replace(stage, state="at work", reason=now.reason, message=now.message, job=name)

    async def _last_run(self, owner: Owner, before: TaskStatus | None) -> Stage:
        """What the newest run of a schedule that has ended came to."""
        at_rest = Stage("scheduled", "Scheduled", "its next run is the CronJob's to begin")
        runs = [each.document for each in self._jobs(owner).values()]
        done = sorted((each for each in runs if ended(each)), key=_made_at)
        known = before.result if before else None
        if not done or (known is not None and known.job == done[-1]["metadata"]["name"]):
            return replace(at_rest, last_failed=is_true("Failed", before))
        result = result_of(done[-1], await self._pods_of(owner, done[-1]))
        return replace(at_rest, job=result.job, result=result, last_failed=not ended_well(done[-1], result))

    def _wanted(self, owner: Owner, spec: TaskSpec, pipeline: Pipeline | Refusal) -> WantedTask | Refusal:
        if isinstance(pipeline, Refusal):
            return pipeline
        image = spec.image or self._pods.dcp_image
        if image is None:
            return Refusal("NoImage", "the operator was not told DCP_IMAGE, and spec.image names none")
        return WantedTask(owner, spec, pipeline, self._pods, image)

    async def _carry_out(self, owner: Owner, wanted: Sequence[Child]) -> Refusal | None:
        """Apply what is not as it is to be. The Jobs of a schedule are not ours to make or delete."""
        live = {
            key: each
            for key, each in self._store.children(owner.key).items()
            if key.kind != JOB or key.name == owner.name
        }
        return await self._applier.carry_out(owner.key, plan(wanted, live, owner.uid, self._applier.settled(owner.key)))

    async def _pods_of(self, owner: Owner, run: Document) -> Sequence[Document]:
        return await self._api.list(POD, owner.namespace, f"{JOB_NAME_LABEL}={run['metadata']['name']}")

    def _jobs(self, owner: Owner) -> dict[str, Live]:
        return {key.name: each for key, each in self._store.children(owner.key).items() if key.kind == JOB}

    async def _tell(self, owner: Owner, status: TaskStatus, before: TaskStatus | None) -> None:
        if not await write_status(self._api, self._store, TASK, owner, msgspec.to_builtins(status)):
            return
        for news in news_of(status, before):
            await self._recorder.post(owner, news)

    async def _expire(self, owner: Owner, spec: TaskSpec, status: TaskStatus | None) -> float | None:
        """Delete what has been over for as long as its spec says."""
        ttl, over_since = spec.ttl_seconds_after_finished, finished_at(status)
        if ttl is None or over_since is None:
            return None
        left = ttl - (self._now() - over_since).total_seconds()
        if left > 0:
            return left
        log.info("its time after the end is over", extra={"task": str(owner.key)})
        await self._api.delete(TASK, owner.namespace, owner.name, owner.uid)
        return None

    def _wake_waiting(self, namespace: str) -> None:
        for key in self._store.pipelines():
            if key.namespace != namespace:
                continue
            told = condition_of("Complete", task_status_of((self._store.pipeline(key) or {}).get("status")))
            if told is not None and told.reason == "WaitingForItsTurn":
                self._mark(key)

    def _forget(self, key: PipelineKey) -> None:
        self._applier.forget(key)
        owner = self._owners.pop(key, None)
        if owner is not None:
            self._recorder.forget(owner)


def _pipeline_of(owner: Owner, spec: TaskSpec) -> PipelineKey:
    return PipelineKey(owner.namespace, spec.pipeline_ref.name)


def _made_at(run: Document) -> str:
    return str(run["metadata"].get("creationTimestamp", ""))
