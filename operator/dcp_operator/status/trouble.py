"""What keeps pods from coming up, as their containers' statuses say, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dcp_operator.status.conditions import moment_of

LONGEST = 300
BEING_MADE = timedelta(seconds=45)
"""A container that takes longer to be made is told of: nothing in its pod says what it waits for."""
_WAITING = frozenset(
    {"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError",
     "CreateContainerError", "RunContainerError", "ErrImageNeverPull"}
)  # fmt: skip
_IMAGE = "is the image's name right, and may the node pull it?"
_CONFIG = "make what is missing, or name another"
_OF_WAITING = {
    "ErrImagePull": _IMAGE,
    "ImagePullBackOff": _IMAGE,
    "InvalidImageName": _IMAGE,
    "ErrImageNeverPull": "load it into the node",
    "CreateContainerConfigError": _CONFIG,
}
_OF_SCHEDULER = {
    "persistentvolumeclaim": "make the claim, or name another",
    "PersistentVolumeClaim": "the claim has no volume yet: kubectl describe pvc",
    "Insufficient": "ask for less in resources, or give the cluster a larger node",
    "taint": "see the tolerations in podTemplate",
    "affinity": "see nodeSelector and affinity in podTemplate",
}
"""Word of its message -> what to do, the first that is in it."""
_COMPONENT = "app.kubernetes.io/component"


def trouble_of(pods: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Component -> what its first pod that fails says."""
    found: dict[str, str] = {}
    for pod in pods:
        component = (pod["metadata"].get("labels") or {}).get(_COMPONENT, "")
        for told in _told(pod):
            found.setdefault(component, f"{pod['metadata']['name']}: {told}"[:LONGEST])
    return found


def being_made(pods: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, str]:
    """Component -> which of its pods has a node and, though it had time, no container yet."""
    found: dict[str, str] = {}
    for pod in pods:
        status, metadata = pod.get("status") or {}, pod["metadata"]
        states = [each.get("state") or {} for each in status.get("containerStatuses") or ()]
        made = not states or any("waiting" not in each for each in states)
        if made or "startTime" not in status or "deletionTimestamp" in metadata:
            continue
        if now - moment_of(status["startTime"]) >= BEING_MADE:
            name, component = metadata["name"], (metadata.get("labels") or {}).get(_COMPONENT, "")
            why = "an image is being pulled, or a volume (a claim, a Secret, a ConfigMap) cannot be mounted"
            found.setdefault(component, f"{name} has no container yet: {why}; kubectl describe pod {name} says which")
    return found


def _told(pod: Mapping[str, Any]) -> Iterator[str]:
    if "deletionTimestamp" in pod["metadata"]:
        return
    status = pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        ended = (each.get("lastState") or {}).get("terminated") or {}
        if (reason := waiting.get("reason")) in _WAITING:
            yield f"{each.get('name')}: {reason}{_why(str(reason), ended)}: {waiting.get('message', '')}"
    for each in status.get("conditions") or ():
        if (each.get("type"), each.get("status"), each.get("reason")) == ("PodScheduled", "False", "Unschedulable"):
            said = str(each.get("message", ""))
            advice = next((f" ({told})" for word, told in _OF_SCHEDULER.items() if word in said), "")
            yield f"no node takes it{advice}: {said}"


def _why(reason: str, ended: Mapping[str, Any]) -> str:
    """What is known of its last end, and what to do; before the kubelet's words, which may be long."""
    if ended.get("reason") == "OOMKilled":
        return " (it was killed for its memory: raise resources.limits.memory)"
    code = f"it ended with code {ended['exitCode']}" if "exitCode" in ended else ""
    told = "; ".join(each for each in (code, _OF_WAITING.get(reason, "")) if each)
    return f" ({told})" if told else ""
