"""dcp_batches_total{phase}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_pipeline.observe.metrics.metric import Metric
from dcp_pipeline.observe.phases import Phase


class Batches(Metric):
    """How far batches came."""

    def __init__(self, registry: CollectorRegistry, pipeline: str) -> None:
        counter = Counter(
            "dcp_batches", "Batches, by the phase they reached.", ["pipeline", "phase"], registry=registry
        )
        self._counters = {phase: counter.labels(pipeline, phase.value) for phase in Phase}

    def phase(self, phase: Phase, batch_id: str) -> None:
        self._counters[phase].inc()


METRIC = Batches
