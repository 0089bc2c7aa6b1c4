"""dcp_operator_refusals_total{namespace,pipeline,kind,code}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_operator.ground.kinds import Kind
from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metric import PIPELINE, Metric


class Refusals(Metric):
    """Children that are not taken."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            "dcp_operator_refusals", "Children that the API server refused, by its answer.",
            (*PIPELINE, "kind", "code"), registry=registry,
        )  # fmt: skip

    def refused(self, key: PipelineKey, kind: Kind, code: int) -> None:
        self._counter.labels(key.namespace, key.name, kind.kind, str(code)).inc()


METRIC = Refusals
