"""dcp_operator_errors_total{where,error}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_operator.status.metric import Metric


class Errors(Metric):
    """What failed and is tried again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            "dcp_operator_errors", "Errors, by where and of what kind.", ["where", "error"], registry=registry
        )

    def error(self, where: str, error: BaseException) -> None:
        self._counter.labels(where, type(error).__name__).inc()


METRIC = Errors
