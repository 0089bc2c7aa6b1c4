"""dcp_operator_reconcile_failures_total{namespace,pipeline,code}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metric import PIPELINE, Metric


class ReconcileFailures(Metric):
    """What stopped reconciliations."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            "dcp_operator_reconcile_failures", "Reconciliations that failed, by the API server's answer (0: none).",
            (*PIPELINE, "code"), registry=registry,
        )  # fmt: skip

    def failed(self, key: PipelineKey, code: str) -> None:
        self._counter.labels(key.namespace, key.name, code).inc()


METRIC = ReconcileFailures
