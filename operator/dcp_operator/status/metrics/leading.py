"""dcp_operator_leading."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from dcp_operator.status.metric import Metric


class Leading(Metric):
    """Which replica writes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge("dcp_operator_leading", "1: this replica writes, the others stand by.", registry=registry)

    def leads(self, leading: bool) -> None:
        self._gauge.set(leading)


METRIC = Leading
