"""What runs `dcp forget` for a pipeline that goes: a Job, and what its pod needs, which belongs to the Job. Pure.

The Job belongs to nobody: a deletion in the foreground takes all that is the pipeline's away at once. Kubernetes takes
it away an hour after its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcp_operator.children.children import Child, policy_spec
from dcp_operator.children.pods import SPEC_FILE, SPEC_FOLDER
from dcp_operator.children.run_spec import spec_text
from dcp_operator.children.secret_refs import forgetting_refs
from dcp_operator.ground.kinds import CONFIG_MAP, JOB, NETWORK_POLICY, Kind
from dcp_operator.ground.names import FORGETTING_MANAGER, INSTANCE, MANAGED_BY, PIPELINE_LABEL, Owner, child_name
from dcp_operator.ground.settings import PodSettings
from dcp_operator.tasks.children import WRITES_LABEL, labels_of
from dcp_operator.tasks.pod import Run, job_spec
from dcp_pipeline.spec.model import Pipeline

UID_LABEL = "datacleaning.io/pipeline-uid"
ATTEMPT_ANNOTATION = "datacleaning.io/attempt"
LONGEST_SECONDS = 3600
KEPT_SECONDS = 3600
WORDS = ("forget", f"{SPEC_FOLDER}/{SPEC_FILE}", "--yes", "--force", "-o", "json")
"""`--force`: a worker's last sign of life outlives its pod, which the operator has seen go."""


def job_name(owner: Owner, attempt: int) -> str:
    """One for each try: a former one may still be on its way out."""
    return child_name(owner.name, f"forget-{owner.uid[:8]}-{attempt}")


def selector_of(owner: Owner) -> str:
    """What selects the Jobs of this very resource, and not of one that bore its name before."""
    return f"{UID_LABEL}={owner.uid},{MANAGED_BY}={FORGETTING_MANAGER}"


def job(owner: Owner, pipeline: Pipeline, settings: PodSettings, image: str, attempt: int) -> dict[str, Any]:
    """It begins suspended: what its pod needs is made to belong to it first."""
    name = job_name(owner, attempt)
    run = Run(pipeline, settings, image, WORDS, forgetting_refs(pipeline), name, _labels(owner, name), looks_up=False)
    spec = job_spec(run, LONGEST_SECONDS) | {"suspend": True, "ttlSecondsAfterFinished": KEPT_SECONDS}
    metadata = {"name": name, "namespace": owner.namespace, "labels": _labels(owner, name),
                "annotations": {ATTEMPT_ANNOTATION: str(attempt)}}  # fmt: skip
    return {"apiVersion": JOB.api_version, "kind": JOB.kind, "metadata": metadata, "spec": spec}


def needed_by(owner: Owner, pipeline: Pipeline, settings: PodSettings, job: Mapping[str, Any]) -> tuple[Child, ...]:
    """The spec, and who may reach the pod: nobody."""
    name, uid = str(job["metadata"]["name"]), str(job["metadata"]["uid"])
    reference = {"apiVersion": JOB.api_version, "kind": JOB.kind, "name": name, "uid": uid, "controller": True}

    def made(kind: Kind, **content: Any) -> Child:
        metadata = {"name": name, "namespace": owner.namespace, "labels": _labels(owner, name),
                    "ownerReferences": [reference]}  # fmt: skip
        return Child(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **content})

    chosen = {each: value for each, value in _labels(owner, name).items() if each in (INSTANCE, UID_LABEL)}
    return (
        made(CONFIG_MAP, data={SPEC_FILE: spec_text(pipeline)}),
        made(NETWORK_POLICY, spec=policy_spec(chosen, settings)),
    )


def is_of(owner: Owner, document: Mapping[str, Any]) -> bool:
    """Whether a Job, or a pod, forgets this very resource."""
    return (document["metadata"].get("labels") or {}).get(UID_LABEL) == owner.uid


def attempt_of(job: Mapping[str, Any]) -> int:
    """Which try it is."""
    text = str((job["metadata"].get("annotations") or {}).get(ATTEMPT_ANNOTATION, "1"))
    return int(text) if text.isdecimal() else 1


def _labels(owner: Owner, name: str) -> dict[str, str]:
    """A task's, so that whoever lets tasks out lets this out; and one that writes, after which others wait."""
    own = {INSTANCE: name, MANAGED_BY: FORGETTING_MANAGER, UID_LABEL: owner.uid, WRITES_LABEL: "true"}
    return labels_of(name, owner.name) | {PIPELINE_LABEL: owner.name} | own
