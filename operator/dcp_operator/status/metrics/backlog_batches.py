"""dcp_operator_backlog_batches{namespace,pipeline}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metric import PIPELINE, Metric


class BacklogBatches(Metric):
    """What waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge("dcp_operator_backlog_batches", "Batches not yet done.", PIPELINE, registry=registry)

    def scaling(self, key: PipelineKey, backlog: int | None, wanted: int | None, current: int, cause: str) -> None:
        if backlog is not None:
            self._gauge.labels(key.namespace, key.name).set(backlog)

    def forget(self, key: PipelineKey) -> None:
        self._gauge.remove(key.namespace, key.name)


METRIC = BacklogBatches
