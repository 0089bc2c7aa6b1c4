"""What a metric is told. The rest of this folder are metrics, one a file."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.observe.phases import Phase


class Metric:
    """One metric of a process; told from many threads.

    What is counted by label begins at 0 when it is made: a counter that is not there until the first of its kind is no
    0, and the first error would be no increase.
    """

    def __init__(self, registry: CollectorRegistry, pipeline: str) -> None:
        raise NotImplementedError

    def phase(self, phase: Phase, batch_id: str) -> None:
        """A batch reached a phase, in this thread."""

    def settled(self, counts: Counts) -> None:
        """A batch was committed with these counts."""

    def error(self, where: str) -> None:
        """Something failed and will be tried again, or was given up."""
