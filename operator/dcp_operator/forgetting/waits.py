"""dcp_operator_deletion_waits{namespace,pipeline,reason}: 1 for each pipeline that is being deleted and is still there,
by what Ready says of it. Only the replica that writes tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dcp_operator.cluster.store import Store
from dcp_operator.forgetting.forgetter import holds
from dcp_operator.status.condition_gauges import condition_in


class DeletionWaits(Collector):
    """Those that our finalizer holds; what others hold is theirs to tell."""

    def __init__(self, pipelines: Store, leading: Callable[[], bool]) -> None:
        self._pipelines, self._leading = pipelines, leading

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "dcp_operator_deletion_waits",
            "1 for a pipeline that is being deleted and whose keys and books are there still.",
            labels=["namespace", "pipeline", "reason"],
        )
        for key in self._pipelines.deleted() if self._leading() else ():
            resource = self._pipelines.pipeline(key)
            if resource is None or not holds(resource):
                continue
            reason = condition_in(resource, "Ready").get("reason", "Unknown")
            family.add_metric([key.namespace, key.name, str(reason)], 1.0)
        yield family
