"""dcp_build_info{version}."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from dcp_pipeline.observe.metrics.metric import Metric


class BuildInfo(Metric, Collector):
    """Which release runs: 1. Looked up when it is asked for: a worker's start does not wait for it."""

    def __init__(self, registry: CollectorRegistry, pipeline: str) -> None:
        self._pipeline = pipeline
        registry.register(self)

    def collect(self) -> Iterable[Family]:
        from importlib.metadata import version

        family = GaugeMetricFamily("dcp_build_info", "1: the release that runs.", labels=["pipeline", "version"])
        family.add_metric([self._pipeline, version("datacleaning-pipelines")], 1)
        yield family


METRIC = BuildInfo
