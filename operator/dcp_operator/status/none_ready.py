"""For how long pipelines have had no ready worker though some are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status import seen
from dcp_operator.status.seen import NO_WORKER, DeploymentSeen
from dcp_pipeline.spec.kubernetes.status import Status


class NoneReady:
    """From look to look, in this process. What the status tells already it goes on telling: a replica that takes over
    begins no grace anew."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since: dict[PipelineKey, float] = {}

    def seconds(self, key: PipelineKey, workers: DeploymentSeen | None, before: Status | None) -> float:
        """For so long, as of now."""
        if workers is None or not workers.none_ready:
            self.forget(key)
            return 0.0
        if key not in self._since:
            told = before is not None and any(each.reason == NO_WORKER for each in before.conditions)
            self._since[key] = -math.inf if told else self._monotonic()
        return self._monotonic() - self._since[key]

    def due_in(self, key: PipelineKey) -> float | None:
        """In how many seconds it is to be told; None where it is, or need not be."""
        left = self._since.get(key, -math.inf) + seen.WORKERS_GRACE_SECONDS - self._monotonic()
        return left if left > 0 else None

    def forget(self, key: PipelineKey) -> None:
        self._since.pop(key, None)
