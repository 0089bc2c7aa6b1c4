"""dcp_operator_build_info{version}."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge

from dcp_operator.status.metric import Metric


class BuildInfo(Metric):
    """Which release runs: 1."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge = Gauge("dcp_operator_build_info", "1: the release that runs.", ["version"], registry=registry)
        gauge.labels(version("datacleaning-pipelines")).set(1)


METRIC = BuildInfo
