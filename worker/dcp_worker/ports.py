"""What the worker's loop needs of the others, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.observe.phases import Observer
from dcp_pipeline.queue import Exchange, Lease, RetryOutcome
from dcp_worker.clean.group import CleanedGroup
from dcp_worker.clean.plan import CleanedBatch
from dcp_worker.sink import CommitOutcome


class WorkQueue(Protocol):
    """The queue, as a worker uses it."""

    def exchange(self, worker: str, acks: Sequence[Lease], want: int, most_bytes: int) -> Exchange: ...
    def wait(self, timeout_seconds: float) -> None: ...
    def retry(self, lease: Lease, error: str) -> RetryOutcome: ...
    def bury(self, lease: Lease, reason: str) -> bool: ...
    def hand_back(self, leases: Sequence[Lease]) -> None: ...


class Leases(Protocol):
    """Keeps the leases of the batches in hand alive."""

    def add(self, lease: Lease) -> None: ...
    def remove(self, lease: Lease) -> None: ...


class Plan(Protocol):
    """Cleans a batch."""

    def clean(self, batch: Batch) -> CleanedBatch: ...
    def clean_together(self, batches: Mapping[int, Batch]) -> CleanedGroup: ...


class Plans(Protocol):
    """The plan of the revision that a batch's object pinned."""

    def of(self, revision: str) -> Plan: ...


class Sink(Protocol):
    """Commits a cleaned batch exactly once."""

    def commit(self, batch: Batch, cleaned: CleanedBatch, *, worker: str, observer: Observer) -> CommitOutcome: ...
    def commit_together(
        self, cleaned: CleanedGroup, *, worker: str, observer: Observer
    ) -> dict[int, CommitOutcome]: ...


class DeadLedger(Protocol):
    """Where a batch's death is recorded durably."""

    def mark_dead(self, batch_id: str, reason: str, attempts: int) -> bool: ...


class Settled(Protocol):
    """Told of every commit and every error."""

    def settled(self, counts: Counts) -> None: ...
    def error(self, where: str) -> None: ...
