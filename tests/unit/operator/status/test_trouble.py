"""What is said of pods that do not come up: what the kubelet and the scheduler say, with what to do before it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dcp_operator.status.trouble import LONGEST, being_made, trouble_of

Document = dict[str, Any]
NOW = datetime(2026, 11, 29, 18, 30, tzinfo=UTC)
WORKER = {"app.kubernetes.io/component": "worker"}
CREATING = {"name": "worker", "state": {"waiting": {"reason": "ContainerCreating"}}}


def pod(name: str = "w-1", ending: bool = False, **status: Any) -> Document:
    going = {"deletionTimestamp": "2026-11-29T18:29:00Z"} if ending else {}
    return {"metadata": {"name": name, "labels": WORKER, **going}, "status": status}


def waiting(reason: str, message: str = "", last: Document | None = None) -> Document:
    state: Document = {"name": "worker", "state": {"waiting": {"reason": reason, "message": message}}}
    return pod(containerStatuses=[state | ({"lastState": {"terminated": last}} if last else {})])


def unscheduled(message: str) -> Document:
    told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return pod(conditions=[told])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (waiting("ErrImagePull", "no such host"), "worker: ErrImagePull (is the image's name right, and may the node pull "),
        (waiting("ImagePullBackOff"), "may the node pull it?"),
        (waiting("CreateContainerConfigError", 'configmap "x" not found'), "make what is missing, or name another"),
        (waiting("CrashLoopBackOff", "back-off", {"exitCode": 70}), "CrashLoopBackOff (it ended with code 70): back-off"),
        (waiting("CrashLoopBackOff", "", {"exitCode": 137, "reason": "OOMKilled"}), "raise resources.limits.memory"),
        (unscheduled('persistentvolumeclaim "nowhere" not found.'), "(make the claim, or name another): persistentvol"),
        (unscheduled("pod has unbound immediate PersistentVolumeClaims"), "kubectl describe pvc"),
        (unscheduled("0/1 nodes are available: 1 Insufficient memory."), "ask for less in resources"),
        (unscheduled("1 node(s) didn't match Pod's node affinity/selector"), "see nodeSelector and affinity"),
        (unscheduled("1 node(s) had untolerated taint {gpu: }"), "see the tolerations in podTemplate"),
        (unscheduled("a scheduler of somebody's own"), "no node takes it: a scheduler"),
    ],
)  # fmt: skip
def test_what_keeps_a_pod_from_coming_up_is_told_with_what_to_do(found: Document, said: str) -> None:
    assert said in trouble_of([found])["worker"]


def test_the_advice_is_not_what_is_cut_off() -> None:
    told = trouble_of([waiting("ErrImagePull", "long " * 200)])["worker"]
    assert len(told) == LONGEST
    assert "may the node pull it?" in told


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (pod(startTime="2026-11-29T18:29:15Z", containerStatuses=[CREATING]), True),
        (pod(startTime="2026-11-29T18:29:16Z", containerStatuses=[CREATING]), False),
        (pod(ending=True, startTime="2026-11-29T18:00:00Z", containerStatuses=[CREATING]), False),
        (pod(startTime="2026-11-29T18:00:00Z", containerStatuses=[CREATING, {"state": {"running": {}}}]), False),
        (pod(startTime="2026-11-29T18:00:00Z"), False),
        (pod(containerStatuses=[CREATING]), False),
    ],
)
def test_a_container_that_is_long_in_the_making_is_told_of(found: Document, told: bool) -> None:
    said = being_made([found], NOW)
    assert ("kubectl describe pod w-1" in said.get("worker", "")) is told
    assert trouble_of([found]) == {}
