"""Names, labels and selectors of everything that belongs to a pipeline: each from one function."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from dcp_pipeline.spec.model import API_VERSION, KIND

Component = Literal["fetcher", "worker"]

FIELD_MANAGER = "dcp-operator"
SCALER_FIELD_MANAGER = "dcp-scaler"
MANAGED_BY = "app.kubernetes.io/managed-by"
TASKS_MANAGER = "dcp-operator-tasks"
"""By which what belongs to tasks is told from what belongs to pipelines, whatever their names."""
FORGETTING_MANAGER = "dcp-operator-forgetting"
"""Of what deletes keys and books of a pipeline that goes: no watch is told of it."""
FINALIZER = "datacleaning.io/forget"
"""On a pipeline whose deletionPolicy is Delete, and on no other."""
INSTANCE = "app.kubernetes.io/instance"
APPLIED_ANNOTATION = "datacleaning.io/applied"
ASKED_ANNOTATION = "datacleaning.io/asked"
"""On a Deployment: a digest of what people ask of its pods."""
PAUSE_ANNOTATION = "datacleaning.io/pause-reconciliation"
"""On a pipeline, "true": the operator keeps its hands off."""
DELETION_COST_ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
REVISION_ANNOTATION = "datacleaning.io/revision"

PIPELINE_LABEL = "datacleaning.io/pipeline"
"""On what belongs to a task: the pipeline that it is about."""

LONGEST_NAME = 63
"""Of a Service, and of a pod's host name."""


@dataclass(frozen=True, order=True, slots=True)
class PipelineKey:
    """Which pipeline."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Owner:
    """The resource that its children belong to."""

    namespace: str
    name: str
    uid: str
    kind: str = KIND

    @property
    def key(self) -> PipelineKey:
        return PipelineKey(self.namespace, self.name)


def child_name(pipeline: str, suffix: str) -> str:
    """`<pipeline>-<suffix>`; a name that would be too long is cut and told apart by a digest."""
    name = f"{pipeline}-{suffix}"
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.blake2b(pipeline.encode(), digest_size=4).hexdigest()
    return f"{pipeline[: LONGEST_NAME - len(suffix) - len(digest) - 2].rstrip('-')}-{digest}-{suffix}"


def labels(pipeline: str, component: str | None = None) -> dict[str, str]:
    """The labels of a child; those of a component's pods contain its selector."""
    common = {"app.kubernetes.io/part-of": "data-cleaning-pipelines", MANAGED_BY: FIELD_MANAGER}
    return {**selector(pipeline, component), **common}


def selector(pipeline: str, component: str | None = None) -> dict[str, str]:
    """What selects a component's pods, or all of the pipeline's. A Deployment can never change it."""
    chosen = {"app.kubernetes.io/name": KIND.lower(), INSTANCE: pipeline}
    return {**chosen, "app.kubernetes.io/component": component} if component else chosen


def selecting(pipeline: str, component: str | None = None) -> str:
    """The same, as a list is asked for these pods."""
    return ",".join(f"{name}={value}" for name, value in selector(pipeline, component).items())


def owner_references(owner: Owner) -> list[dict[str, object]]:
    """By these the garbage collector takes the children away with their pipeline; no finalizer is needed."""
    return [
        {
            "apiVersion": API_VERSION,
            "kind": owner.kind,
            "name": owner.name,
            "uid": owner.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
