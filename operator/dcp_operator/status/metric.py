"""What a metric of the operator is told. metrics/ has them, one a file."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from dcp_operator.ground.kinds import Kind
from dcp_operator.ground.names import PipelineKey

PIPELINE = ("namespace", "pipeline")


class Metric:
    """One metric of the operator. It says of which of these it wants to hear."""

    def __init__(self, registry: CollectorRegistry) -> None:
        raise NotImplementedError

    def reconciled(self, seconds: float) -> None:
        """One reconciliation is over."""

    def failed(self, key: PipelineKey, code: str) -> None:
        """One reconciliation failed, by the API server's answer (0: none)."""

    def looked(self, seconds: float) -> None:
        """One look at all queues of a server is over."""

    def error(self, where: str, error: BaseException) -> None:
        """Something failed and will be tried again."""

    def wrote(self, verb: str, kind: Kind) -> None:
        """A write is about to be sent."""

    def asked(self, verb: str, code: str, seconds: float) -> None:
        """A request was answered, or was not."""

    def refused(self, key: PipelineKey, kind: Kind, code: int) -> None:
        """The API server has refused a child."""

    def unseen(self, namespace: str | None, kind: Kind, unseen: bool) -> None:
        """Whether nothing is seen of a kind in a namespace (None: in all)."""

    def leads(self, leading: bool) -> None:
        """Whether this replica writes."""

    def scaling(self, key: PipelineKey, backlog: int | None, wanted: int | None, current: int, cause: str) -> None:
        """What the scaler saw and decided."""

    def left_behind(self, key: PipelineKey) -> None:
        """A pipeline went, and its keys and books, which were to be deleted, are there still."""

    def forget(self, key: PipelineKey) -> None:
        """The pipeline is gone, and its gauges with it."""
