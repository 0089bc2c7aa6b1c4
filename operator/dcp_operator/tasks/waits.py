"""dcp_operator_task_not_begun{namespace,task,reason}: 1 for each task, or run of a schedule, that is wanted and has not
begun. Neither has failed, so nothing else tells of a backup that is never taken. Only the replica that writes tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dcp_operator.cluster.store import Store
from dcp_operator.status.condition_gauges import condition_in
from dcp_operator.tasks.report import NOT_BEGUN


class NotBegun(Collector):
    """One that waits for its turn is left out: the task that it waits for tells."""

    def __init__(self, tasks: Store, leading: Callable[[], bool]) -> None:
        self._tasks, self._leading = tasks, leading

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "dcp_operator_task_not_begun",
            "1 for a task, or a run of a schedule, that is wanted and has not begun.",
            labels=["namespace", "task", "reason"],
        )
        for key in self._tasks.pipelines() if self._leading() else ():
            reason = str(condition_in(self._tasks.pipeline(key), "Complete").get("reason"))
            if reason in NOT_BEGUN:
                family.add_metric([key.namespace, key.name, reason], 1.0)
        yield family
