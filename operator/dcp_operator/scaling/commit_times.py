"""How long the sink's commits take lately, from what each worker says it has done so far. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dcp_pipeline.queue.model import WorkerReport

RECENT_SECONDS = 10.0


@dataclass(frozen=True)
class _Done:
    """What a worker has done since it started, or all of them in between two looks."""

    batches: int
    seconds: float


@dataclass(frozen=True)
class CommitTimes:
    """What was seen of one pipeline's workers. CommitTimes() at first."""

    by_worker: Mapping[str, _Done] = field(default_factory=dict)
    recent: tuple[tuple[float, _Done], ...] = ()

    @property
    def mean_seconds(self) -> float | None:
        """Of the commits of the last RECENT_SECONDS; None where there were none."""
        batches = sum(done.batches for _, done in self.recent)
        return sum(done.seconds for _, done in self.recent) / batches if batches else None


def observed(before: CommitTimes, workers: Sequence[WorkerReport], now: float) -> CommitTimes:
    """What is known after one more look; `now` is in monotonic seconds. A worker that was not there before, or has
    started anew by the same name, counts from its start."""
    totals = {each.worker: _Done(each.vitals.tasks_done, each.vitals.commit_seconds) for each in workers}
    batches, seconds = 0, 0.0
    for name, total in totals.items():
        earlier = before.by_worker.get(name, _Done(0, 0.0))
        if total.batches < earlier.batches:
            earlier = _Done(0, 0.0)
        batches += total.batches - earlier.batches
        seconds += total.seconds - earlier.seconds
    recent = tuple((at, done) for at, done in before.recent if now - at < RECENT_SECONDS)
    return CommitTimes(totals, (*recent, (now, _Done(batches, seconds))) if batches else recent)
