"""Prometheus metrics of fetcher and workers, each process with a registry of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.observe.phases import Phase

Gauges = Mapping[str, tuple[str, Mapping[tuple[tuple[str, str], ...], float]]]
"""Name -> (help, {labels: value})."""

_OUTCOMES = ("read", "written", "duplicates", "rejected", "filtered")
_TIMED = (Phase.CLEANED, Phase.INSERTED, Phase.COMMITTED)
_WHERE = ("batch", "sink")


class Metrics:
    """What a process counts. Being an Observer, it times the phases of the batches that pass."""

    def __init__(self, pipeline: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._pipeline = pipeline
        self._records = Counter(
            "dcp_records",
            "Records settled, by what became of them.",
            ["pipeline", "outcome"],
            registry=self.registry,
        )
        self._batches = Counter(
            "dcp_batches",
            "Batches, by the phase they reached.",
            ["pipeline", "phase"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "dcp_batch_phase_seconds",
            "Time from the phase before to this one.",
            ["pipeline", "phase"],
            registry=self.registry,
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300),
        )
        self._errors = Counter(
            "dcp_errors", "Errors, by where they came from.", ["pipeline", "where"], registry=self.registry
        )
        self._last = threading.local()
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """A counter that is not there until the first of its kind is no 0: the first error would be no increase."""
        for outcome in _OUTCOMES:
            self._records.labels(self._pipeline, outcome)
        for phase in Phase:
            self._batches.labels(self._pipeline, phase.value)
        for phase in _TIMED:
            self._seconds.labels(self._pipeline, phase.value)
        for where in _WHERE:
            self._errors.labels(self._pipeline, where)

    def __call__(self, phase: Phase, batch_id: str) -> None:
        self._batches.labels(self._pipeline, phase.value).inc()
        now = time.monotonic()
        before = getattr(self._last, "at", None)
        if before is not None and phase in _TIMED:
            self._seconds.labels(self._pipeline, phase.value).observe(now - before)
        self._last.at = now

    def settled(self, counts: Counts) -> None:
        """A batch was committed with these counts."""
        for outcome in _OUTCOMES:
            self._records.labels(self._pipeline, outcome).inc(getattr(counts, outcome))

    def error(self, where: str) -> None:
        """Something failed and will be tried again, or was given up."""
        self._errors.labels(self._pipeline, where).inc()

    def add_gauges(self, read: Callable[[], Gauges]) -> None:
        """Gauges that are read when the metrics are asked for."""
        self.registry.register(_Gauges(read, self._pipeline))


class _Gauges(Collector):
    def __init__(self, read: Callable[[], Gauges], pipeline: str) -> None:
        self._read, self._pipeline = read, pipeline

    def collect(self) -> Iterable[Metric]:
        for name, (help_text, values) in self._read().items():
            labels = [key for key, _ in next(iter(values), ())]
            family = GaugeMetricFamily(name, help_text, labels=["pipeline", *labels])
            for pairs, value in values.items():
                family.add_metric([self._pipeline, *(text for _, text in pairs)], value)
            yield family
