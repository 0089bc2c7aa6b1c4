"""The phases of a batch's life, told to whoever observes them: metrics, progress, and tests that kill in between."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """What has just happened."""

    FETCHING = "fetching"
    """Bytes of an object arrived."""
    CUT = "cut"
    """A group of cuts was committed to the ledger."""
    ENQUEUED = "enqueued"
    """A group of batches is in the queue."""
    CLAIMED = "claimed"
    """A worker holds a batch's lease."""
    CLEANED = "cleaned"
    """A batch became rows and rejects, in memory."""
    INSERTED = "inserted"
    """Rows and rejects were sent; the transaction is open."""
    COMMITTED = "committed"
    """The transaction is durable; the queue does not know yet."""
    ACKNOWLEDGED = "acknowledged"
    """The queue has forgotten the batch."""


class Observer(Protocol):
    """Called at each phase, from the thread in which it happened. Must not raise and must not block.

    `batch_id` is empty while bytes are fetched: they belong to no batch yet.
    """

    def __call__(self, phase: Phase, batch_id: str) -> None: ...


def unobserved(phase: Phase, batch_id: str) -> None:
    """The observer of those who need none."""
