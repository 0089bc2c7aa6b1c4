"""The children of a task: the spec as it is now, who may reach its pod, and the Job or CronJob that runs it. Pure.

The pod is pod.py's, with the worker's Secrets, account, placement and additions. The spec is a copy of its own: the
pipeline's goes once no pod of the pipeline reads it (docs/adr/0106).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcp_operator.children.children import Child, owned, policy_spec
from dcp_operator.children.pods import SPEC_FILE
from dcp_operator.children.run_spec import spec_text
from dcp_operator.children.secret_refs import all_refs, refs_of
from dcp_operator.ground.kinds import CONFIG_MAP, CRON_JOB, JOB, NETWORK_POLICY, Kind
from dcp_operator.ground.names import (
    INSTANCE,
    MANAGED_BY,
    PIPELINE_LABEL,
    TASKS_MANAGER,
    Owner,
    child_name,
)
from dcp_operator.ground.settings import PodSettings
from dcp_operator.tasks.pod import CONTAINER as CONTAINER
from dcp_operator.tasks.pod import Claim, Run, job_spec
from dcp_operator.tasks.words import claim_of, words_of
from dcp_pipeline.spec.kubernetes.task.model import TASK_KIND, TaskSpec
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef

HISTORY = 3
WRITES_LABEL = "datacleaning.io/writes"
"""On a Job that changes tables or queue: never two of one pipeline at once."""


@dataclass(frozen=True)
class WantedTask:
    """All that a task's children are built from."""

    owner: Owner
    task: TaskSpec
    pipeline: Pipeline
    settings: PodSettings
    image: str


def labels_of(task: str, pipeline: str) -> dict[str, str]:
    """The labels of all that belongs to a task."""
    common = {"app.kubernetes.io/part-of": "data-cleaning-pipelines", MANAGED_BY: TASKS_MANAGER}
    return {"app.kubernetes.io/name": TASK_KIND.lower(), INSTANCE: task, PIPELINE_LABEL: pipeline, **common}


def refs_needed(task: TaskSpec, pipeline: Pipeline) -> tuple[SecretKeyRef, ...]:
    """The Secrets' keys: those of a worker; a preview reads from the sources too."""
    return all_refs(pipeline) if task.preview is not None else refs_of(pipeline, "worker")


def before_the_run(wanted: WantedTask) -> tuple[Child, ...]:
    """What the pod needs."""
    return (_spec_map(wanted), _network_policy(wanted))


def job(wanted: WantedTask) -> Child:
    """Of a task that is done once."""
    return _child(wanted, JOB, wanted.owner.name, spec=_job_spec(wanted), more_labels=_run_labels(wanted))


def cron_job(wanted: WantedTask) -> Child:
    """Of a task with a schedule. Kubernetes knows time zones, missed times and histories. A run that writes begins
    suspended: turns.py lets it go."""
    task = wanted.task
    labels = labels_of(wanted.owner.name, task.pipeline_ref.name) | _run_labels(wanted)
    ttl = task.ttl_seconds_after_finished
    spec = _job_spec(wanted) | ({} if ttl is None else {"ttlSecondsAfterFinished": ttl}) | {"suspend": task.writes}
    kept = {
        "successfulJobsHistoryLimit": task.successful_jobs_history_limit,
        "failedJobsHistoryLimit": task.failed_jobs_history_limit,
    }
    return _child(wanted, CRON_JOB, wanted.owner.name, spec={
        "schedule": task.schedule,
        **({} if task.time_zone is None else {"timeZone": task.time_zone}),
        "concurrencyPolicy": "Forbid",
        "suspend": task.suspend,
        **{name: HISTORY if limit is None else limit for name, limit in kept.items()},
        "jobTemplate": {"metadata": {"labels": labels}, "spec": spec},
    })  # fmt: skip


def _job_spec(wanted: WantedTask) -> dict[str, Any]:
    task, pipeline = wanted.task, wanted.pipeline
    claim = claim_of(task)
    run = Run(
        pipeline, wanted.settings, wanted.image, words_of(task), refs_needed(task, pipeline), _spec_map_name(wanted),
        labels_of(wanted.owner.name, task.pipeline_ref.name) | _run_labels(wanted),
        child_name(task.pipeline_ref.name, "worker"), None if claim is None else Claim(claim, task.backup is None),
        task.resources,
    )  # fmt: skip
    return job_spec(run, None if task.timeout is None else task.timeout.seconds)


def _spec_map_name(wanted: WantedTask) -> str:
    return child_name(wanted.owner.name, "task-spec")


def _spec_map(wanted: WantedTask) -> Child:
    return _child(wanted, CONFIG_MAP, _spec_map_name(wanted), data={SPEC_FILE: spec_text(wanted.pipeline)})


def _network_policy(wanted: WantedTask) -> Child:
    """It serves nothing. Of egress as the pipeline's pods' own."""
    labels = labels_of(wanted.owner.name, wanted.task.pipeline_ref.name)
    chosen = {key: labels[key] for key in ("app.kubernetes.io/name", INSTANCE)}
    spec = policy_spec(chosen, wanted.settings)
    return _child(wanted, NETWORK_POLICY, child_name(wanted.owner.name, "task"), spec=spec)


def _run_labels(wanted: WantedTask) -> dict[str, str]:
    return {WRITES_LABEL: "true"} if wanted.task.writes else {}


def _child(
    wanted: WantedTask, kind: Kind, name: str, more_labels: Mapping[str, str] | None = None, **content: Any
) -> Child:
    labels = {**labels_of(wanted.owner.name, wanted.task.pipeline_ref.name), **(more_labels or {})}
    return owned(wanted.owner, kind, name, labels, **content)
