"""dcp_operator_left_behind_total{namespace,pipeline}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metric import PIPELINE, Metric


class LeftBehind(Metric):
    """Pipelines whose deletionPolicy is Delete, and that went without."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            "dcp_operator_left_behind", "Pipelines whose keys and books were to be deleted with them, and stayed.",
            PIPELINE, registry=registry,
        )  # fmt: skip

    def left_behind(self, key: PipelineKey) -> None:
        self._counter.labels(key.namespace, key.name).inc()


METRIC = LeftBehind
