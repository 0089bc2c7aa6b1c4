"""The queue's words: jobs, leases and what became of them. Values only; read client.py next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

MAX_PRIORITY = 2**21 - 1
"""Scores are priority * 2^32 + sequence, exact in a double up to 2^53."""


class QueueError(Exception):
    """The queue refuses; the message says why and what to do."""


class QueueFull(QueueError):
    """Redis has reached its maxmemory: nothing new is taken, what is there is worked off."""


class ForeignPipeline(QueueError):
    """The batch is of another pipeline than the one that owns the queue."""


class UnsupportedServer(QueueError):
    """The server is too old for what the scripts use."""


@dataclass(frozen=True)
class Job:
    """What is to be done. A lower priority number goes first, 0 to MAX_PRIORITY; equal ones first in, first out.

    Raises ValueError for an id that is empty or a priority out of range.
    """

    id: str
    payload: bytes = field(repr=False)
    priority: int = 100
    pipeline: str = ""
    """Its owner; empty: not checked."""

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a job needs an id")
        if not 0 <= self.priority <= MAX_PRIORITY:
            raise ValueError(f"priority {self.priority} of job {self.id} is not in 0..{MAX_PRIORITY}")


@dataclass(frozen=True)
class Lease:
    """A job in one worker's hands, until its deadline passes unrenewed. The token fences off older holders."""

    id: str
    payload: bytes = field(repr=False)
    token: int
    attempts: int
    """Failures so far."""
    crashes: int
    """Workers lost with it so far."""
    priority: int


class Exchange(msgspec.Struct, frozen=True):
    """What an exchange brought."""

    leases: tuple[Lease, ...]
    acknowledged: frozenset[str]
    """Done and forgotten, in this call or in one whose reply was lost."""
    stale: frozenset[str]
    """Not acknowledged: the lease had run out and the job was given away."""
    died: frozenset[str]
    """Jobs of whichever worker that reached the crash cap just now. dead_letters() has them for good."""
    leaving: bool = False
    """The worker's process was asked to go (leaving.py): it is given nothing."""
    held_back: bool = False
    """Its process holds a batch that is tried alone, or is to be given one once it holds nothing else."""


class Mended(msgspec.Struct, frozen=True):
    """What was out of step in the queue's indexes: members without a job, jobs without a place."""

    gone: int
    back: int


class RetryState(StrEnum):
    """Where a job went after a failure."""

    SCHEDULED = "scheduled"
    DEAD = "dead"
    LOST = "lost"
    """Nowhere: the lease had been superseded, nothing was changed."""


class RetryOutcome(msgspec.Struct, frozen=True):
    """What a failure led to; `at` is when the job is due again, or when it died, by Redis' clock."""

    state: RetryState
    attempts: int
    at: datetime | None


class QueueStats(msgspec.Struct, frozen=True):
    """How much is where. `bytes` counts payloads of ready, scheduled and in-flight jobs; dead ones apart."""

    ready: int = 0
    scheduled: int = 0
    inflight: int = 0
    dead: int = 0
    bytes: int = 0
    dead_bytes: int = 0
    oldest_age_seconds: float = 0.0
    """Since the oldest job that is not dead was enqueued; 0 when there is none."""
    done: int = 0
    """Acknowledged since the server knows the queue: after a wipe it begins anew."""

    @property
    def backlog(self) -> int:
        """Jobs not yet done: ready, scheduled and in flight."""
        return self.ready + self.scheduled + self.inflight


class DeadLetter(msgspec.Struct, frozen=True):
    """A job that was given up; dead_payload(id) has its bytes."""

    id: str
    reason: str
    attempts: int
    crashes: int
    priority: int
    payload_bytes: int
    died_at: datetime


class Progress(msgspec.Struct, frozen=True):
    """How far a job in flight is, in whatever its worker counts."""

    done: int
    total: int


class WorkerVitals(msgspec.Struct, frozen=True):
    """What a worker process says about itself with each beat."""

    started_at: datetime
    tasks_done: int
    records: int
    cpu_seconds: float
    rss_bytes: int
    busy: bool
    host: str
    pid: int
    busy_seconds: float = 0.0
    """How long it held the jobs that it has done, summed up."""
    commit_seconds: float = 0.0
    """How much of that the sink's transactions took."""


class WorkerReport(msgspec.Struct, frozen=True):
    """The last beat of a worker that is still alive."""

    worker: str
    vitals: WorkerVitals
