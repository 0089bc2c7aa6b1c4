"""dcp_operator_workers{namespace,pipeline}, and dcp_operator_workers_wanted beside it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metric import PIPELINE, Metric


class Workers(Metric):
    """How many there are to be."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._wanted = Gauge("dcp_operator_workers_wanted", "Workers decided on.", PIPELINE, registry=registry)
        self._current = Gauge(
            "dcp_operator_workers", "Workers asked for by the Deployment.", PIPELINE, registry=registry
        )

    def scaling(self, key: PipelineKey, backlog: int | None, wanted: int | None, current: int, cause: str) -> None:
        self._wanted.labels(key.namespace, key.name).set(current if wanted is None else wanted)
        self._current.labels(key.namespace, key.name).set(current)

    def forget(self, key: PipelineKey) -> None:
        self._wanted.remove(key.namespace, key.name)
        self._current.remove(key.namespace, key.name)


METRIC = Workers
