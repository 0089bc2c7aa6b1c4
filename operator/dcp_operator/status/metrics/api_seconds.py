"""dcp_operator_api_seconds{verb,code}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from dcp_operator.status.metric import Metric


class ApiSeconds(Metric):
    """How the API server answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "dcp_operator_api_seconds", "Time that the API server took to answer; code none: it did not.",
            ["verb", "code"], registry=registry,
        )  # fmt: skip

    def asked(self, verb: str, code: str, seconds: float) -> None:
        self._seconds.labels(verb, code).observe(seconds)


METRIC = ApiSeconds
