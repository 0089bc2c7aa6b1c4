"""dcp_operator_api_writes_total{verb,kind}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_operator.ground.kinds import Kind
from dcp_operator.status.metric import Metric


class ApiWrites(Metric):
    """What is written."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            "dcp_operator_api_writes", "Writes to the Kubernetes API.", ["verb", "kind"], registry=registry
        )

    def wrote(self, verb: str, kind: Kind) -> None:
        self._counter.labels(verb, kind.kind).inc()


METRIC = ApiWrites
