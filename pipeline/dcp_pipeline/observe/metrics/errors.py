"""dcp_errors_total{where}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_pipeline.observe.metrics.metric import Metric

_WHERE = ("batch", "sink", "foreign", "forged")


class Errors(Metric):
    """What failed."""

    def __init__(self, registry: CollectorRegistry, pipeline: str) -> None:
        self._pipeline = pipeline
        self._counter = Counter(
            "dcp_errors", "Errors, by where they came from.", ["pipeline", "where"], registry=registry
        )
        for where in _WHERE:
            self._counter.labels(pipeline, where)

    def error(self, where: str) -> None:
        self._counter.labels(self._pipeline, where).inc()


METRIC = Errors
