"""Prometheus metrics of fetcher and workers, each process with a registry of its own. FILES lists what is counted.

A file of this folder has METRIC, which is told what happens (metric.py). What is read when the metrics are asked for is
told by whoever has it: add_gauges.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.observe.metrics.metric import Metric
from dcp_pipeline.observe.phases import Phase

FILES = (
    "records",
    "batches",
    "phase_seconds",
    "errors",
    "build_info",
)

Gauges = Mapping[str, tuple[str, Mapping[tuple[tuple[str, str], ...], float]]]
"""Name -> (help, {labels: value})."""


class Metrics:
    """What a process counts. Being an Observer, it times the phases of the batches that pass."""

    _listed: tuple[Metric, ...]

    def __init__(self, pipeline: str, read: bool = True) -> None:
        """`read`: whether anybody will ask for them; else nothing is counted, which saves an idle process 0.4 MB."""
        self.registry = CollectorRegistry()
        self._pipeline, self._listed = pipeline, ()
        if not read:
            return
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._listed = tuple(
            importlib.import_module(f"{__name__}.{name}").METRIC(self.registry, pipeline) for name in FILES
        )

    def __call__(self, phase: Phase, batch_id: str) -> None:
        for each in self._listed:
            each.phase(phase, batch_id)

    def settled(self, counts: Counts) -> None:
        """A batch was committed with these counts."""
        for each in self._listed:
            each.settled(counts)

    def error(self, where: str) -> None:
        """Something failed and will be tried again, or was given up."""
        for each in self._listed:
            each.error(where)

    def add_gauges(self, read: Callable[[], Gauges]) -> None:
        """Gauges that are read when the metrics are asked for."""
        self.registry.register(_Gauges(read, self._pipeline))


class _Gauges(Collector):
    def __init__(self, read: Callable[[], Gauges], pipeline: str) -> None:
        self._read, self._pipeline = read, pipeline

    def collect(self) -> Iterable[Family]:
        for name, (help_text, values) in self._read().items():
            labels = [key for key, _ in next(iter(values), ())]
            family = GaugeMetricFamily(name, help_text, labels=["pipeline", *labels])
            for pairs, value in values.items():
                family.add_metric([self._pipeline, *(text for _, text in pairs)], value)
            yield family
