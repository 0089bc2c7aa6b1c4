"""The children of a task: the spec as it is now, who may reach its pod, and the Job or CronJob that runs it. Pure.

The pod is the worker's but for its sidecars, which would never end: the same Secrets, account, placement and additions.
The spec is a copy of its own: the pipeline's goes once no pod of the pipeline reads it (docs/adr/0106).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcp_operator.children.additions import additions_of
from dcp_operator.children.children import Child, owned, policy_spec
from dcp_operator.children.merge import merged
from dcp_operator.children.pods import (
    SECRETS_FOLDER,
    SPEC_FILE,
    STATE_FOLDER,
    container_security,
    laid_over,
    mounts_of,
    volumes_of,
)
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
from dcp_operator.tasks.words import FILES_FOLDER, claim_of, words_of
from dcp_pipeline.spec.kubernetes.task.model import TASK_KIND, TaskSpec
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef

CONTAINER = "dcp"
GRACE_SECONDS = 60
HISTORY = 3
FILES_VOLUME = "dcp-task-files"
WRITES_LABEL = "datacleaning.io/writes"
"""On a Job that changes tables or queue: never two of one pipeline at once."""
_RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


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
    """One pod, tried once: a failure is an answer. A pod that a drained node takes away is no failure, and the next
    one waits until it has ended."""
    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    timeout = wanted.task.timeout
    return {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": [disrupted]},
        **({} if timeout is None else {"activeDeadlineSeconds": max(1, int(timeout.seconds))}),
        "template": _pod_template(wanted),
    }


def _pod_template(wanted: WantedTask) -> dict[str, Any]:
    task, pipeline, settings = wanted.task, wanted.pipeline, wanted.settings
    refs, additions = refs_needed(task, pipeline), additions_of(pipeline, "worker")
    volumes = volumes_of(pipeline, "worker", refs, _spec_map_name(wanted))
    mounts = mounts_of(pipeline, "worker", refs)
    read = task.backup is None
    if (claim := claim_of(task)) is not None:
        volumes.append({"name": FILES_VOLUME, "persistentVolumeClaim": {"claimName": claim, "readOnly": read}})
        mounts.append({"name": FILES_VOLUME, "mountPath": FILES_FOLDER, "readOnly": read})
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "containers": [merged(_container(wanted, mounts), additions.container)],
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
            **({} if claim is None else {"fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch"}),
        },
        "serviceAccountName": child_name(task.pipeline_ref.name, "worker"),
        "volumes": volumes,
    }  # fmt: skip
    if settings.pull_secrets:
        pod["imagePullSecrets"] = [{"name": each} for each in settings.pull_secrets]
    left_out = ("ontainers", "topologySpread", "terminationGrace")
    pod = merged(pod, {key: value for key, value in additions.pod.items() if not any(each in key for each in left_out)})
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    own = {"labels": labels_of(wanted.owner.name, task.pipeline_ref.name) | _run_labels(wanted), "annotations": {}}
    return {"metadata": merged(additions.metadata, own), "spec": pod}


def _container(wanted: WantedTask, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    environment = {
        "DCP_SECRETS_DIR": SECRETS_FOLDER,
        "DCP_STATE_DIR": STATE_FOLDER,
        "HOME": "/tmp",  # noqa: S108
        "LOG_FORMAT": "json",
        "POLARS_MAX_THREADS": "2",
    }
    container = {
        "name": CONTAINER,
        "image": wanted.image,
        "command": ["python", "-m", "dcp_cli.task"],
        "args": words_of(wanted.task),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": laid_over(_RESOURCES, wanted.task.resources),
        "securityContext": container_security(),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": mounts,
    }
    if wanted.settings.pull_policy:
        container["imagePullPolicy"] = wanted.settings.pull_policy
    return container


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
