"""Whether an address that a server named is a pod of the pipeline's own namespace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dcp_operator.cluster.api import Api, ApiError, ApiUnreachable
from dcp_operator.ground.kinds import POD


def pod_at(api: Api) -> Callable[[str, str], Awaitable[bool]]:
    """By a list of one pod. One on its node's network has the node's address, and is none."""

    async def found(namespace: str, address: str) -> bool:
        if not namespace:
            return False
        try:
            pods = await api.list(POD, namespace, fields=f"status.podIP={address}")
        except (ApiError, ApiUnreachable):
            return False
        return any(
            pod.get("status", {}).get("podIP") == address and not pod.get("spec", {}).get("hostNetwork") for pod in pods
        )

    return found
