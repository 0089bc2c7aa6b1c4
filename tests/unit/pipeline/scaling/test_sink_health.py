"""When the database can use no more workers, and when it can again."""

from __future__ import annotations

import pytest

from dcp_pipeline.scaling.decision import decide_replicas
from dcp_pipeline.scaling.model import Bounds, Cause, Decision, Learned, Load, Memory, Policy, SinkView, Workers
from dcp_pipeline.scaling.sink_health import CAP_SECONDS, ceiling, look

POLICY = Policy(concurrency=1)
BOUNDS = Bounds(least=0, most=50, fallback=0)


class Sink:
    """Drives the decision with so many batches per second, whatever the number of workers; all are ready at once."""

    def __init__(self) -> None:
        self.now, self.done, self.current = 0.0, 0.0, 0
        self.decision: Decision | None = None

    def work(self, seconds: float, per_worker: float, most: float, backlog: int = 5000) -> list[int]:
        numbers = []
        for _ in range(int(seconds / 2)):
            self.now += 2.0
            self.done += 2.0 * min(per_worker * self.current, most)
            load = Load(backlog, min(self.current, backlog), int(self.done))
            memory = self.decision.memory if self.decision else Memory()
            self.decision = decide_replicas(load, Workers(self.current, self.current), BOUNDS, POLICY, memory, self.now)
            self.current = self.decision.replicas
            numbers.append(self.current)
        return numbers


def test_a_slow_sink_is_given_half_as_many_more_each_judged_and_then_no_more() -> None:
    sink = Sink()
    sink.work(60, per_worker=2.0, most=8.0, backlog=100)
    before = sink.current
    numbers = sink.work(500, per_worker=0.5, most=2.0, backlog=100)
    assert numbers == sorted(numbers), "nobody is taken away"
    assert numbers[-1] <= before * 1.5 + 1
    assert sink.decision is not None
    assert sink.decision.cause is Cause.SINK
    assert f"the sink takes no more: from {before} to {numbers[-1]} workers it went from" in sink.decision.reason


def test_batches_that_became_larger_are_given_all_the_workers_they_need() -> None:
    sink = Sink()
    sink.work(60, per_worker=2.0, most=1000.0, backlog=100)
    assert sink.work(600, per_worker=0.5, most=1000.0)[-1] == 50


def test_a_sink_that_is_quick_again_ends_the_cap() -> None:
    sink = Sink()
    sink.work(60, per_worker=2.0, most=8.0, backlog=100)
    sink.work(500, per_worker=0.5, most=2.0, backlog=100)
    assert sink.work(120, per_worker=2.0, most=1000.0)[-1] == 50


def test_after_a_while_one_worker_more_is_tried() -> None:
    sink = Sink()
    sink.work(60, per_worker=2.0, most=8.0, backlog=100)
    capped = sink.work(300, per_worker=0.5, most=2.0, backlog=100)[-1]
    assert sink.work(CAP_SECONDS, per_worker=0.5, most=2.0, backlog=100)[-1] == capped + 1


@pytest.mark.parametrize(
    ("before", "commit_seconds", "capped"),
    [
        (None, None, False),
        (None, 4.9, False),
        (None, 5.1, True),
        (5.1, 4.5, True),
        (5.1, 3.9, False),
    ],
)
def test_nobody_is_added_while_commits_take_too_long(
    before: float | None, commit_seconds: float | None, capped: bool
) -> None:
    load = Load(500, 2, 0, commit_seconds)
    view = look(SinkView(slow_commits=before), load, Workers(2, 1), POLICY, Learned(), 0.0)
    top = ceiling(view, 2, POLICY, Learned(), 0.0)
    assert (top is not None and top.workers == 2) == capped


def test_from_zero_there_is_a_worker_even_if_the_last_commits_were_slow() -> None:
    load = Load(500, 0, 0, commit_seconds=60.0)
    decision = decide_replicas(load, Workers(0, 0), BOUNDS, POLICY, Memory(), 0.0)
    assert decision.replicas >= 1
