"""dcp_operator_reconcile_seconds."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from dcp_operator.status.metric import Metric


class ReconcileSeconds(Metric):
    """How long the cluster is made to agree with one spec."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "dcp_operator_reconcile_seconds", "Time that one reconciliation took.", registry=registry
        )

    def reconciled(self, seconds: float) -> None:
        self._seconds.observe(seconds)


METRIC = ReconcileSeconds
