"""dcp_operator_look_seconds."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from dcp_operator.status.metric import Metric


class LookSeconds(Metric):
    """How long queues are looked at."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "dcp_operator_look_seconds", "Time that one look at all queues of a server took.", registry=registry
        )

    def looked(self, seconds: float) -> None:
        self._seconds.observe(seconds)


METRIC = LookSeconds
