"""The operator's own metrics."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from dcp_operator.ground.kinds import Kind
from dcp_operator.ground.names import PipelineKey

_PIPELINE = ("namespace", "pipeline")


class Metrics:
    """What the operator counts, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.reconcile_seconds = Histogram(
            "dcp_operator_reconcile_seconds", "Time that one reconciliation took.", registry=registry
        )
        self.look_seconds = Histogram(
            "dcp_operator_look_seconds", "Time that one look at all queues of a server took.", registry=registry
        )
        self._errors = Counter(
            "dcp_operator_errors", "Errors, by where and of what kind.", ["where", "error"], registry=registry
        )
        self._writes = Counter(
            "dcp_operator_api_writes", "Writes to the Kubernetes API.", ["verb", "kind"], registry=registry
        )
        self._backlog = Gauge("dcp_operator_backlog_batches", "Batches not yet done.", _PIPELINE, registry=registry)
        self._wanted = Gauge("dcp_operator_workers_wanted", "Workers decided on.", _PIPELINE, registry=registry)
        self._current = Gauge(
            "dcp_operator_workers", "Workers asked for by the Deployment.", _PIPELINE, registry=registry
        )
        self._cause = Gauge(
            "dcp_operator_scaling_cause", "1: why there are as many workers as there are.", (*_PIPELINE, "cause"),
            registry=registry,
        )  # fmt: skip
        self.reconcile_failures = Counter(
            "dcp_operator_reconcile_failures", "Reconciliations that failed, by the API server's answer (0: none).",
            (*_PIPELINE, "code"), registry=registry,
        )  # fmt: skip
        self._refusals = Counter(
            "dcp_operator_refusals", "Children that the API server refused, by its answer.",
            (*_PIPELINE, "kind", "code"), registry=registry,
        )  # fmt: skip
        self._api_seconds = Histogram(
            "dcp_operator_api_seconds", "Time that the API server took to answer; code none: it did not.",
            ["verb", "code"], registry=registry,
        )  # fmt: skip
        self.leading = Gauge("dcp_operator_leading", "1: this replica writes, the others stand by.", registry=registry)
        self._unseen = Gauge(
            "dcp_operator_unseen", "1: the API server lets us see nothing of this kind in this namespace.",
            ["namespace", "kind"], registry=registry,
        )  # fmt: skip
        self._causes: dict[PipelineKey, str] = {}

    def wrote(self, verb: str, kind: Kind) -> None:
        """A write is about to be sent."""
        self._writes.labels(verb, kind.kind).inc()

    def asked(self, verb: str, code: str, seconds: float) -> None:
        """A request was answered, or was not."""
        self._api_seconds.labels(verb, code).observe(seconds)

    def refused(self, key: PipelineKey, kind: Kind, code: int) -> None:
        """The API server has refused a child."""
        self._refusals.labels(key.namespace, key.name, kind.kind, str(code)).inc()

    def unseen(self, namespace: str | None, kind: Kind, unseen: bool) -> None:
        """Whether nothing is seen of a kind in a namespace (None: in all)."""
        name = namespace or "*"
        if unseen:
            self._unseen.labels(name, kind.plural).set(1)
        else:
            with suppress(KeyError):
                self._unseen.remove(name, kind.plural)

    def error(self, where: str, error: BaseException) -> None:
        """Something failed and will be tried again."""
        self._errors.labels(where, type(error).__name__).inc()

    def scaling(self, key: PipelineKey, backlog: int | None, wanted: int | None, current: int, cause: str) -> None:
        """What the scaler saw and decided."""
        if backlog is not None:
            self._backlog.labels(key.namespace, key.name).set(backlog)
        self._wanted.labels(key.namespace, key.name).set(current if wanted is None else wanted)
        self._current.labels(key.namespace, key.name).set(current)
        before = self._causes.get(key)
        if before != cause:
            self._forget_cause(key)
            self._causes[key] = cause
            self._cause.labels(key.namespace, key.name, cause).set(1)

    def forget(self, key: PipelineKey) -> None:
        """The pipeline is gone, and its gauges with it."""
        for gauge in (self._backlog, self._wanted, self._current):
            gauge.remove(key.namespace, key.name)
        self._forget_cause(key)

    def _forget_cause(self, key: PipelineKey) -> None:
        cause = self._causes.pop(key, None)
        if cause is not None:
            self._cause.remove(key.namespace, key.name, cause)
