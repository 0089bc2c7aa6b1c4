"""How many workers, as a table; and what time does to it."""

from __future__ import annotations

import pytest

from dcp_operator.scaling_decision import (
    COOLDOWN_SECONDS,
    FALLBACK_AFTER_SECONDS,
    Bounds,
    Decision,
    Load,
    Policy,
    Unread,
    Wish,
    decide_replicas,
)

BOUNDS = Bounds(least=0, most=10, fallback=1)
POLICY = Policy(concurrency=2)


def decide(
    load: Load | Unread, current: int, before: Decision | None = None, now: float = 0.0, **bounds: int
) -> Decision:
    wishes = before.wishes if before else ()
    limits = Bounds(**{"least": 0, "most": 10, "fallback": 1, **bounds})
    return decide_replicas(load, current, limits, POLICY, wishes, now)


@pytest.mark.parametrize(
    ("backlog", "replicas"),
    [(0, 0), (1, 1), (20, 1), (21, 2), (100, 5), (200, 10), (10_000, 10)],
)
def test_an_idle_pipeline_goes_straight_to_what_its_backlog_calls_for(backlog: int, replicas: int) -> None:
    assert decide(Load(backlog, 0), current=0).replicas == replicas


@pytest.mark.parametrize(
    ("policy", "load", "replicas"),
    [
        (Policy(2, backlog_per_worker=5), Load(11, 0), 3),
        (Policy(2, drain_within_seconds=60), Load(100, 0), 5),
        (Policy(2, drain_within_seconds=60), Load(100, 0, rate_per_worker=0.5), 4),
        (Policy(2, drain_within_seconds=60), Load(100, 0, rate_per_worker=100.0), 1),
        (Policy(2), Load(9, 9), 5),
        (Policy(4), Load(9, 9), 3),
    ],
)
def test_each_policy_has_its_formula(policy: Policy, load: Load, replicas: int) -> None:
    assert decide_replicas(load, 0, BOUNDS, policy, (), 0.0).replicas == replicas


def test_the_last_worker_goes_only_after_the_cooldown() -> None:
    busy = decide(Load(5, 1), current=1, now=0.0)
    idle = decide(Load(0, 0), current=1, before=busy, now=2.0)
    assert idle.replicas == 1
    assert "only once that has lasted 30 s" in idle.reason
    still = decide(Load(0, 0), current=1, before=idle, now=COOLDOWN_SECONDS - 1)
    assert still.replicas == 1
    gone = decide(Load(0, 0), current=1, before=still, now=COOLDOWN_SECONDS + 1)
    assert (gone.replicas, gone.reason) == (0, "the queue is empty")


def test_new_work_during_the_cooldown_starts_it_anew() -> None:
    decision = decide(Load(0, 0), current=1, now=0.0)
    decision = decide(Load(3, 0), current=1, before=decision, now=20.0)
    decision = decide(Load(0, 0), current=1, before=decision, now=40.0)
    assert decision.replicas == 1


def test_workers_are_never_fewer_than_what_is_in_flight_needs() -> None:
    late = (Wish(0.0, 1),)
    decision = decide_replicas(Load(12, 12), 6, BOUNDS, Policy(2, backlog_per_worker=100), late, 29.0)
    assert (decision.replicas, decision.reason) == (6, "12 batches are in flight")


def test_a_lowered_ceiling_beats_the_cooldown() -> None:
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
    assert (decision.replicas, decision.reason) == (2, "the queue cannot be read; the least meanwhile is 2")
    assert decide(Unread(FALLBACK_AFTER_SECONDS), current=0, fallback=5, most=3).replicas == 3


def test_when_the_queue_is_back_and_empty_workers_stay_for_the_cooldown() -> None:
    away = decide(Unread(20), current=4, now=100.0)
    assert decide(Load(0, 0), current=4, before=away, now=102.0).replicas == 4
    assert decide(Load(0, 0), current=4, before=away, now=131.0).replicas == 4, "a gap in the looks is no idleness"


def test_what_is_remembered_stays_small() -> None:
    decision = decide(Load(200, 0), current=10)
    for second in range(1, 1000):
        decision = decide(Load(200 - second % 200, 0), 10, decision, float(second))
    assert len(decision.wishes) <= COOLDOWN_SECONDS
