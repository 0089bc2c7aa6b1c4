"""What keeps pods from coming up, as their containers' statuses say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LONGEST = 300
_WAITING = frozenset(
    {"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError",
     "CreateContainerError", "RunContainerError", "ErrImageNeverPull"}
)  # fmt: skip
_COMPONENT = "app.kubernetes.io/component"


def trouble_of(pods: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Component -> what its first pod that fails says."""
    found: dict[str, str] = {}
    for pod in pods:
        component = (pod["metadata"].get("labels") or {}).get(_COMPONENT, "")
        for told in _told(pod):
            found.setdefault(component, f"{pod['metadata']['name']}: {told}"[:LONGEST])
    return found


def _told(pod: Mapping[str, Any]) -> Iterator[str]:
    if "deletionTimestamp" in pod["metadata"]:
        return
    status = pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        ended = (each.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") in _WAITING:
            code = f" (it ended with code {ended['exitCode']})" if "exitCode" in ended else ""
            yield f"{each.get('name')}: {waiting['reason']}{code}: {waiting.get('message', '')}"
    for each in status.get("conditions") or ():
        if (each.get("type"), each.get("status"), each.get("reason")) == ("PodScheduled", "False", "Unschedulable"):
            yield f"no node takes it: {each.get('message', '')}"
