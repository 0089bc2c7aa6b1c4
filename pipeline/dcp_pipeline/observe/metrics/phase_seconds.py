"""dcp_batch_phase_seconds{phase}."""

from __future__ import annotations

import threading
import time

from prometheus_client import CollectorRegistry, Histogram

from dcp_pipeline.observe.metrics.metric import Metric
from dcp_pipeline.observe.phases import Phase

_TIMED = (Phase.CLEANED, Phase.INSERTED, Phase.COMMITTED)


class PhaseSeconds(Metric):
    """How long a batch took from the phase before: an internal worker's batches pass one after the other."""

    def __init__(self, registry: CollectorRegistry, pipeline: str) -> None:
        histogram = Histogram(
            "dcp_batch_phase_seconds",
            "Time from the phase before to this one.",
            ["pipeline", "phase"],
            registry=registry,
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300),
        )
        self._seconds = {phase: histogram.labels(pipeline, phase.value) for phase in _TIMED}
        self._last = threading.local()

    def phase(self, phase: Phase, batch_id: str) -> None:
        now = time.monotonic()
        before = getattr(self._last, "at", None)
        if before is not None and phase in self._seconds:
            self._seconds[phase].observe(now - before)
        self._last.at = now


METRIC = PhaseSeconds
