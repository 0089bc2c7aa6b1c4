"""The pod that runs `dcp` once for a pipeline: the worker's but for its sidecars, which would never end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcp_operator.children.additions import additions_of
from dcp_operator.children.merge import merged
from dcp_operator.children.pods import (
    SECRETS_FOLDER,
    STATE_FOLDER,
    container_security,
    laid_over,
    mounts_of,
    volumes_of,
)
from dcp_operator.ground.names import Component
from dcp_operator.ground.settings import PodSettings
from dcp_operator.tasks.words import FILES_FOLDER
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef

CONTAINER = "dcp"
GRACE_SECONDS = 60
FILES_VOLUME = "dcp-task-files"
_RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


@dataclass(frozen=True)
class Claim:
    """The claim with the file that is written or read."""

    name: str
    read: bool


@dataclass(frozen=True)
class Run:
    """What the pod is built from."""

    pipeline: Pipeline
    settings: PodSettings
    image: str
    words: Sequence[str]
    """Of `dcp`."""
    refs: tuple[SecretKeyRef, ...]
    spec_map: str
    labels: Mapping[str, str]
    account: str | None = None
    """None: the namespace's default one, without its token."""
    claim: Claim | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    looks_up: bool = True
    """Whether it needs what enrichments look into."""


def job_spec(run: Run, timeout_seconds: float | None) -> dict[str, Any]:
    """One pod, tried once: a failure is an answer. A pod that a drained node takes away is no failure, and the next
    one waits until it has ended."""
    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    return {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": [disrupted]},
        **({} if timeout_seconds is None else {"activeDeadlineSeconds": max(1, int(timeout_seconds))}),
        "template": _pod_template(run),
    }


def _pod_template(run: Run) -> dict[str, Any]:
    pipeline, settings, claim = run.pipeline, run.settings, run.claim
    additions = additions_of(pipeline, "worker")
    claims_as: Component = "worker" if run.looks_up else "fetcher"  # which has none
    volumes = volumes_of(pipeline, claims_as, run.refs, run.spec_map)
    mounts = mounts_of(pipeline, claims_as, run.refs)
    if claim is not None:
        volumes.append({"name": FILES_VOLUME,
                        "persistentVolumeClaim": {"claimName": claim.name, "readOnly": claim.read}})  # fmt: skip
        mounts.append({"name": FILES_VOLUME, "mountPath": FILES_FOLDER, "readOnly": claim.read})
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "containers": [merged(_container(run, mounts), additions.container)],
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
            **({} if claim is None else {"fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch"}),
        },
        **({} if run.account is None else {"serviceAccountName": run.account}),
        "volumes": volumes,
    }  # fmt: skip
    if settings.pull_secrets:
        pod["imagePullSecrets"] = [{"name": each} for each in settings.pull_secrets]
    left_out = ("ontainers", "topologySpread", "terminationGrace")
    pod = merged(pod, {key: value for key, value in additions.pod.items() if not any(each in key for each in left_out)})
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    own = {"labels": dict(run.labels), "annotations": {}}
    return {"metadata": merged(additions.metadata, own), "spec": pod}


def _container(run: Run, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    environment = {
        "DCP_SECRETS_DIR": SECRETS_FOLDER,
        "DCP_STATE_DIR": STATE_FOLDER,
        "HOME": "/tmp",  # noqa: S108
        "LOG_FORMAT": "json",
        "POLARS_MAX_THREADS": "2",
    }
    container = {
        "name": CONTAINER,
        "image": run.image,
        "command": ["python", "-m", "dcp_cli.task"],
        "args": list(run.words),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": laid_over(_RESOURCES, run.resources),
        "securityContext": container_security(),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": mounts,
    }
    if run.settings.pull_policy:
        container["imagePullPolicy"] = run.settings.pull_policy
    return container
