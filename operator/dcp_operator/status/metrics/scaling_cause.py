"""dcp_operator_scaling_cause{namespace,pipeline,cause}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metric import PIPELINE, Metric


class ScalingCause(Metric):
    """Why there are as many workers as there are."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "dcp_operator_scaling_cause", "1: why there are as many workers as there are.", (*PIPELINE, "cause"),
            registry=registry,
        )  # fmt: skip
        self._causes: dict[PipelineKey, str] = {}

    def scaling(self, key: PipelineKey, backlog: int | None, wanted: int | None, current: int, cause: str) -> None:
        if self._causes.get(key) != cause:
            self.forget(key)
            self._causes[key] = cause
            self._gauge.labels(key.namespace, key.name, cause).set(1)

    def forget(self, key: PipelineKey) -> None:
        cause = self._causes.pop(key, None)
        if cause is not None:
            self._gauge.remove(key.namespace, key.name, cause)


METRIC = ScalingCause
