"""dcp_operator_unseen{namespace,kind}."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge

from dcp_operator.ground.kinds import Kind
from dcp_operator.status.metric import Metric


class Unseen(Metric):
    """Where we see nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "dcp_operator_unseen", "1: the API server lets us see nothing of this kind in this namespace.",
            ["namespace", "kind"], registry=registry,
        )  # fmt: skip

    def unseen(self, namespace: str | None, kind: Kind, unseen: bool) -> None:
        name = namespace or "*"
        if unseen:
            self._gauge.labels(name, kind.plural).set(1)
        else:
            with suppress(KeyError):
                self._gauge.remove(name, kind.plural)


METRIC = Unseen
