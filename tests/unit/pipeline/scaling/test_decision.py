"""How many workers, as a table; and what time does to it."""

from __future__ import annotations

import pytest

from dcp_pipeline.scaling.decision import FALLBACK_AFTER_SECONDS, decide_replicas
from dcp_pipeline.scaling.model import Bounds, Cause, Decision, Load, Memory, Policy, Rules, Step, Unread, Workers

BY_BACKLOG = Policy(concurrency=2, backlog_per_worker=20, down=Rules(window_seconds=6.0), cooldown_seconds=10.0)


def decide(
    load: Load | Unread,
    current: int,
    before: Decision | None = None,
    now: float = 0.0,
    policy: Policy = BY_BACKLOG,
    **bounds: int,
) -> Decision:
    memory = before.memory if before else Memory()
    limits = Bounds(**{"least": 0, "most": 10, "fallback": 1, **bounds})
    return decide_replicas(load, Workers(current, current), limits, policy, memory, now)


@pytest.mark.parametrize(
    ("backlog", "replicas"),
    [(0, 0), (1, 1), (20, 1), (21, 2), (100, 5), (200, 10), (10_000, 10)],
)
def test_an_idle_pipeline_goes_straight_to_what_its_backlog_calls_for(backlog: int, replicas: int) -> None:
    assert decide(Load(backlog, 0), current=0).replicas == replicas


@pytest.mark.parametrize(
    ("backlog", "concurrency", "within", "replicas"),
    [
        (1, 1, 20, 1),
        (17, 1, 20, 1),
        (50, 1, 20, 3),
        (200, 1, 20, 10),
        (200, 2, 20, 6),
        (200, 1, 60, 4),
        (3, 1, 1, 3),
    ],
)
def test_before_anything_was_measured_a_batch_is_taken_to_last_a_second(
    backlog: int, concurrency: int, within: float, replicas: int
) -> None:
    policy = Policy(concurrency, drain_within_seconds=within)
    assert decide(Load(backlog, 0), current=0, policy=policy).replicas == replicas


def test_the_last_worker_goes_only_after_the_cooldown() -> None:
    busy = decide(Load(5, 1), current=1, now=0.0)
    idle = decide(Load(0, 0), current=1, before=busy, now=2.0)
    assert (idle.replicas, idle.cause) == (1, Cause.WINDOW)
    assert "only once that has lasted 6 s" in idle.reason
    still = decide(Load(0, 0), current=1, before=idle, now=9.0)
    assert (still.replicas, still.cause) == (1, Cause.COOLDOWN)
    gone = decide(Load(0, 0), current=1, before=still, now=10.0)
    assert (gone.replicas, gone.reason, gone.cause) == (0, "the queue is empty", Cause.EMPTY)


def test_many_workers_without_work_become_one_and_then_none() -> None:
    decision = decide(Load(200, 10), current=10)
    seen = []
    for second in range(2, 16, 2):
        decision = decide(Load(0, 0), decision.replicas, decision, float(second))
        seen.append(decision.replicas)
    assert seen == [10, 10, 1, 1, 0, 0, 0]


def test_new_work_during_the_cooldown_starts_it_anew() -> None:
    decision = decide(Load(3, 0), current=1, now=0.0)
    decision = decide(Load(3, 0), current=1, before=decision, now=9.0)
    decision = decide(Load(0, 0), current=1, before=decision, now=18.0)
    assert decision.replicas == 1


def test_workers_are_never_fewer_than_what_is_in_flight_needs() -> None:
    policy = Policy(2, backlog_per_worker=100, down=Rules(window_seconds=0.0))
    decision = decide(Load(12, 12), current=10, policy=policy)
    assert (decision.replicas, decision.cause) == (6, Cause.IN_FLIGHT)
    assert "12 batches are in flight" in decision.reason


def test_a_lowered_ceiling_beats_the_window() -> None:
    full = decide(Load(200, 0), current=10)
    assert decide(Load(200, 0), current=10, before=full, now=1.0, most=3).replicas == 3


def test_a_raised_floor_is_followed_at_once() -> None:
    decision = decide(Load(0, 0), current=0, least=2)
    assert (decision.replicas, decision.reason) == (2, "the queue is empty; minReplicas is 2")


def test_an_operator_that_has_just_started_does_not_drop_workers() -> None:
    assert decide(Load(0, 0), current=7).replicas == 7


def test_workers_are_held_while_the_queue_cannot_be_read() -> None:
    assert decide(Unread(0), current=4).replicas == 4
    assert decide(Unread(0), current=0).replicas == 0


def test_the_fallback_holds_once_the_queue_could_not_be_read_for_a_while() -> None:
    decision = decide(Unread(FALLBACK_AFTER_SECONDS), current=0, fallback=2)
    assert (decision.replicas, decision.cause) == (2, Cause.HELD)
    assert decision.reason == "the queue cannot be read for 10 s; the least meanwhile is 2"
    assert decide(Unread(FALLBACK_AFTER_SECONDS), current=0, fallback=5, most=3).replicas == 3


def test_when_the_queue_is_back_and_empty_workers_stay_for_the_window() -> None:
    away = decide(Unread(20), current=4, now=100.0)
    assert decide(Load(0, 0), current=4, before=away, now=102.0).replicas == 4
    assert decide(Load(0, 0), current=4, before=away, now=161.0).replicas == 4, "a gap in the looks is no idleness"


def test_when_the_queue_is_back_and_full_workers_come_at_once() -> None:
    away = decide(Unread(60), current=1, now=100.0)
    assert decide(Load(200, 0), current=1, before=away, now=102.0).replicas == 10


def test_more_only_once_it_lasted_where_the_spec_asks_for_that() -> None:
    policy = Policy(1, backlog_per_worker=20, up=Rules(window_seconds=10.0))
    first = decide(Load(200, 0), current=2, policy=policy)
    assert (first.replicas, first.cause) == (2, Cause.WINDOW)
    then = decide(Load(100, 0), current=2, before=first, now=9.0, policy=policy)
    assert then.replicas == 2, "the number before the first look counts for the whole window"
    assert decide(Load(200, 0), current=2, before=then, now=11.0, policy=policy).replicas == 5, (
        "the least of the window"
    )


@pytest.mark.parametrize(
    ("rules", "replicas"),
    [
        (Rules(steps=(Step("Pods", 4, 15.0),)), 6),
        (Rules(steps=(Step("Percent", 100, 15.0),)), 4),
        (Rules(steps=(Step("Pods", 4, 15.0), Step("Percent", 100, 15.0))), 6),
        (Rules(steps=(Step("Pods", 4, 15.0), Step("Percent", 100, 15.0)), select="Min"), 4),
        (Rules(select="Disabled"), 2),
        (Rules(tolerance=1.0), 10),
    ],
)
def test_growth_is_limited_in_the_words_of_the_hpa(rules: Rules, replicas: int) -> None:
    policy = Policy(1, backlog_per_worker=20, up=rules)
    assert decide(Load(200, 0), current=2, policy=policy).replicas == replicas


def test_a_limit_counts_what_was_added_within_its_period() -> None:
    policy = Policy(1, backlog_per_worker=20, up=Rules(steps=(Step("Pods", 4, 15.0),)))
    first = decide(Load(200, 0), current=0, policy=policy)
    assert first.replicas == 4
    second = decide(Load(200, 0), current=4, before=first, now=5.0, policy=policy)
    assert (second.replicas, second.cause) == (4, Cause.RATE)
    assert decide(Load(200, 0), current=4, before=second, now=15.0, policy=policy).replicas == 8


def test_a_change_that_was_never_written_is_not_counted() -> None:
    policy = Policy(1, backlog_per_worker=20, up=Rules(steps=(Step("Pods", 4, 15.0),)))
    lost = decide(Load(200, 0), current=0, policy=policy)
    assert decide(Load(200, 0), current=0, before=lost, now=2.0, policy=policy).replicas == 4


def test_a_wish_within_the_tolerance_is_ignored() -> None:
    policy = Policy(1, backlog_per_worker=20, up=Rules(tolerance=0.25), down=Rules(tolerance=0.25))
    assert decide(Load(100, 0), current=4, policy=policy).replicas == 4
    assert decide(Load(120, 0), current=4, policy=policy).replicas == 6


def test_what_is_remembered_stays_small() -> None:
    decision = decide(Load(200, 0), current=10)
    policy = Policy(1, down=Rules(window_seconds=3600.0), up=Rules(steps=(Step("Pods", 4, 15.0),)))
    for second in range(1, 2000):
        load = Load(200 - second % 200, 0, done=second)
        decision = decide(load, decision.replicas, decision, float(second), policy)
    memory = decision.memory
    sizes = [len(each) for each in (memory.wishes, memory.changes, memory.learned.samples)]
    assert max(sizes) <= 64, sizes
