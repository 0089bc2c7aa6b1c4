"""The mean time of recent commits, from what workers say of all they have done."""

from __future__ import annotations

from datetime import UTC, datetime

from dcp_operator.scaling.commit_times import CommitTimes, observed
from dcp_pipeline.queue.model import WorkerReport, WorkerVitals


def worker(name: str, batches: int, commit_seconds: float) -> WorkerReport:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    return WorkerReport(name, WorkerVitals(started, batches, 0, 0, 0, False, "h", 1, commit_seconds=commit_seconds))


def test_the_mean_is_of_what_was_committed_between_looks_by_all_workers() -> None:
    first = observed(CommitTimes(), [worker("a", 10, 5.0), worker("b", 0, 0.0)], 0.0)
    assert first.mean_seconds == 0.5
    later = observed(first, [worker("a", 11, 7.0), worker("b", 3, 2.0)], 11.0)
    assert later.mean_seconds == 1.0


def test_what_is_ten_seconds_old_counts_no_more_and_nothing_is_no_number() -> None:
    first = observed(CommitTimes(), [worker("a", 10, 5.0)], 0.0)
    assert observed(first, [worker("a", 10, 5.0)], 9.0).mean_seconds == 0.5
    assert observed(first, [worker("a", 10, 5.0)], 10.0).mean_seconds is None
    assert CommitTimes().mean_seconds is None


def test_a_worker_that_started_anew_by_the_same_name_counts_from_its_start() -> None:
    first = observed(CommitTimes(), [worker("a", 10, 5.0)], 0.0)
    assert observed(first, [worker("a", 2, 6.0)], 20.0).mean_seconds == 3.0
