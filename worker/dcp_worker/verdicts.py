"""What can come of one batch, as values, and the tally of a process's batches. loop.py acts on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import msgspec


class Done(msgspec.Struct, frozen=True):
    """The batch is settled in the ledger: acknowledge it."""

    records: int
    commit_seconds: float


class NotNow(msgspec.Struct, frozen=True):
    """Nothing is wrong with the batch: give it back, without counting an attempt."""

    error: Exception


class Failed(msgspec.Struct, frozen=True):
    """Count an attempt."""

    why: str


class Held(msgspec.Struct, frozen=True):
    """Too much of its object is rejected: put it aside until a person decides."""

    why: str


class Foreign(msgspec.Struct, frozen=True):
    """It is another pipeline's: give it back, for its own workers."""

    why: str


class Forged(msgspec.Struct, frozen=True):
    """It is not what the fetcher cut: take it out of the queue, so that its bytes are read from the source again."""

    why: str


Verdict = Done | NotNow | Failed | Held | Foreign | Forged


def problem_of(verdict: Verdict) -> str | None:
    """Why the batch was not settled; None where it was."""
    match verdict:
        case Done():
            return None
        case NotNow(error):
            return f"{type(error).__name__}: {error}"
        case _:
            return verdict.why


class Tally(msgspec.Struct):
    """What a process's workers have done so far. Thread-safe for its own methods."""

    started: float = msgspec.field(default_factory=time.time)
    batches: int = 0
    records: int = 0
    busy: int = 0
    busy_seconds: float = 0.0
    """Of the batches done, from claim to commit."""
    commit_seconds: float = 0.0
    _lock: threading.Lock = msgspec.field(default_factory=threading.Lock)

    def begin(self) -> None:
        with self._lock:
            self.busy += 1

    def end_together(self, done: Sequence[Done], busy_seconds: float) -> None:
        """Of several batches at once: those that were settled."""
        with self._lock:
            self.busy -= 1
            self.batches += len(done)
            self.records += sum(each.records for each in done)
            self.busy_seconds += busy_seconds if done else 0.0
            self.commit_seconds += sum(each.commit_seconds for each in done)

    def end(self, done: Done | None, busy_seconds: float) -> None:
        """`done` is None where the batch was not settled."""
        with self._lock:
            self.busy -= 1
            if done is not None:
                self.batches += 1
                self.records += done.records
                self.busy_seconds += busy_seconds
                self.commit_seconds += done.commit_seconds
