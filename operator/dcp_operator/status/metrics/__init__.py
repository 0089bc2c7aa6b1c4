"""The operator's own metrics: in goes what it did and saw, out come metrics. FILES lists them.

A file of this folder has METRIC, which is told what happens (metric.py, above).
"""

from __future__ import annotations

import importlib

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from dcp_operator.ground.kinds import Kind
from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metric import Metric

FILES = (
    "reconcile_seconds",
    "reconcile_failures",
    "look_seconds",
    "errors",
    "api_writes",
    "api_seconds",
    "refusals",
    "left_behind",
    "unseen",
    "leading",
    "backlog_batches",
    "workers",
    "scaling_cause",
    "build_info",
)


class Metrics(Metric):
    """What the operator counts, in a registry of its own: what it is told it passes on to each."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._listed: tuple[Metric, ...] = tuple(
            importlib.import_module(f"{__name__}.{name}").METRIC(self.registry) for name in FILES
        )

    def reconciled(self, seconds: float) -> None:
        for each in self._listed:
            each.reconciled(seconds)

    def failed(self, key: PipelineKey, code: str) -> None:
        for each in self._listed:
            each.failed(key, code)

    def looked(self, seconds: float) -> None:
        for each in self._listed:
            each.looked(seconds)

    def error(self, where: str, error: BaseException) -> None:
        for each in self._listed:
            each.error(where, error)

    def wrote(self, verb: str, kind: Kind) -> None:
        for each in self._listed:
            each.wrote(verb, kind)

    def asked(self, verb: str, code: str, seconds: float) -> None:
        for each in self._listed:
            each.asked(verb, code, seconds)

    def refused(self, key: PipelineKey, kind: Kind, code: int) -> None:
        for each in self._listed:
            each.refused(key, kind, code)

    def unseen(self, namespace: str | None, kind: Kind, unseen: bool) -> None:
        for each in self._listed:
            each.unseen(namespace, kind, unseen)

    def leads(self, leading: bool) -> None:
        for each in self._listed:
            each.leads(leading)

    def scaling(self, key: PipelineKey, backlog: int | None, wanted: int | None, current: int, cause: str) -> None:
        for each in self._listed:
            each.scaling(key, backlog, wanted, current, cause)

    def left_behind(self, key: PipelineKey) -> None:
        for each in self._listed:
            each.left_behind(key)

    def forget(self, key: PipelineKey) -> None:
        for each in self._listed:
            each.forget(key)
