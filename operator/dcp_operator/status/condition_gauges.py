"""dcp_operator_condition{namespace,pipeline,type} and dcp_operator_task_condition{namespace,task,type}: the
conditions as the API server has them, read when they are asked for. Only the replica that writes them tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dcp_operator.cluster.store import Store

_VALUES = {"True": 1.0, "False": 0.0}
_UNKNOWN = -1.0


class ConditionGauges(Collector):
    """1: True, 0: False, -1: Unknown."""

    def __init__(self, store: Store, leading: Callable[[], bool], of: str = "pipeline") -> None:
        self._store, self._leading, self._of = store, leading, of

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "dcp_operator_condition" if self._of == "pipeline" else f"dcp_operator_{self._of}_condition",
            f"Conditions of {self._of}s. 1: True, 0: False, -1: Unknown.",
            labels=["namespace", self._of, "type"],
        )
        for key in self._store.pipelines() if self._leading() else ():
            for each in conditions_of(self._store.pipeline(key)):
                value = _VALUES.get(str(each.get("status")), _UNKNOWN)
                family.add_metric([key.namespace, key.name, str(each.get("type"))], value)
        yield family


def conditions_of(document: Mapping[str, Any] | None) -> Iterable[Mapping[str, Any]]:
    """A resource's conditions as they stand there, of whatever shape."""
    status: Mapping[str, Any] = (document or {}).get("status") or {}
    return status.get("conditions") or ()


def condition_in(document: Mapping[str, Any] | None, kind: str) -> Mapping[str, Any]:
    """One of them; empty where there is none such."""
    return next((each for each in conditions_of(document) if each.get("type") == kind), {})
