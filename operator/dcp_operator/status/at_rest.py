"""Whether a pipeline that is Draining or Stopped has come to rest: no pod of it is there any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.seen import DeploymentSeen
from dcp_pipeline.spec.kubernetes.status import Status
from dcp_pipeline.spec.model import State

AT_REST = frozenset({"Drained", "Stopped"})
LOOK_AGAIN_SECONDS = 2.0
"""No watch tells of pods."""
_OVER = frozenset({"Succeeded", "Failed"})

P = TypeVar("P", bound=Mapping[str, Any])
Pods = Callable[[PipelineKey], Awaitable[Sequence[Mapping[str, Any]]]]


class AtRest:
    """A Deployment does not count pods that are ending, and they still fetch, or finish a batch, for up to ten minutes.
    So pods are asked for, until none is left; and the queue has to be looked at after that. What the status tells
    already it goes on telling."""

    def __init__(self, pods: Pods, monotonic: Callable[[], float]) -> None:
        self._pods, self._monotonic = pods, monotonic
        self._gone_since: dict[PipelineKey, float] = {}

    async def seen(
        self, key: PipelineKey, state: State, deployments: Sequence[DeploymentSeen | None], before: Status | None,
        generation: int, queue_read_at: float | None,
    ) -> bool | None:  # fmt: skip
        """Whether it has; True where it is not to, or Deployments say already that pods are there. None: nothing can be
        told before the queue is looked at once more. `queue_read_at` None: it cannot be read, which is told first."""
        counted = any(each is not None and (each.wanted or each.replicas) for each in deployments)
        if state == "Running" or counted or _told(before, generation):
            self.forget(key)
            return True
        pods = await self._pods(key)
        if still_there(pods):
            self.forget(key)
            return False
        since = self._gone_since.setdefault(key, self._monotonic())
        return True if queue_read_at is None or queue_read_at > since else None

    def forget(self, key: PipelineKey) -> None:
        self._gone_since.pop(key, None)


def still_there(pods: Iterable[P]) -> list[P]:
    """The pods that have not ended."""
    return [each for each in pods if (each.get("status") or {}).get("phase") not in _OVER]


def _told(before: Status | None, generation: int) -> bool:
    conditions = before.conditions if before is not None else ()
    return any(
        each.type == "Ready" and each.reason in AT_REST and each.observed_generation == generation
        for each in conditions
    )
