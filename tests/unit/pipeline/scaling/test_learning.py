"""What the decision learns from the queue's history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dcp_pipeline.scaling.learning import mean_arrivals, observe, starting, sustained_arrivals
from dcp_pipeline.scaling.model import PRIOR_STARTUP_SECONDS, Change, Learned, Load, Workers

BUSY = Workers(wanted=4, ready=4)


def looks(*loads: Load, every: float = 2.0, workers: Workers = BUSY) -> Learned:
    learned = Learned()
    for index, load in enumerate(loads):
        learned = observe(learned, load, workers, index * every)
    return learned


@pytest.mark.parametrize("seconds", [0.1, 1.0, 5.0])
def test_the_pace_is_found_from_what_is_in_flight_and_what_is_done(seconds: float) -> None:
    learned = looks(*(Load(100, 4, done=round(4 * 2.0 * n / seconds)) for n in range(200)))
    assert learned.pace.seconds_per_batch == pytest.approx(seconds, rel=0.15)


def test_long_batches_are_noticed_before_the_first_of_them_is_done() -> None:
    learned = looks(*(Load(50, 4, done=0) for _ in range(10)))
    assert learned.pace.seconds_per_batch > 20


def test_a_pace_that_changes_is_found_again_within_a_minute_or_so() -> None:
    done = [2 * n for n in range(60)] + [120 + 16 * n for n in range(1, 40)]
    learned = looks(*(Load(500, 4, done=count) for count in done))
    assert learned.pace.seconds_per_batch == pytest.approx(0.5, rel=0.2)


def test_idle_time_changes_nothing_of_what_is_known() -> None:
    busy = looks(*(Load(100, 4, done=8 * n) for n in range(20)))
    idle = busy
    for index in range(20, 400):
        idle = observe(idle, Load(0, 0, done=152), BUSY, index * 2.0)
    assert idle.pace.seconds_per_batch == pytest.approx(busy.pace.seconds_per_batch, rel=0.1)


def test_a_counter_that_starts_anew_counts_from_there() -> None:
    learned = looks(Load(10, 4, done=1000), Load(10, 4, done=1008), Load(10, 4, done=6), Load(10, 4, done=12))
    assert [each.done for each in learned.samples] == [0, 8, 14, 20]


def test_without_a_counter_no_pace_is_learned() -> None:
    assert looks(*(Load(10, 4) for _ in range(20))).pace == Learned().pace


def test_one_burst_is_no_flow_and_a_flow_is_seen_while_it_is_worked_off() -> None:
    burst = looks(Load(0, 0, 0), Load(200, 0, 0), Load(200, 0, 0))
    assert sustained_arrivals(burst) == 0.0
    flow = looks(Load(10, 4, 0), Load(12, 4, 8), Load(14, 4, 16), Load(16, 4, 24))
    assert (sustained_arrivals(flow), mean_arrivals(flow)) == (5.0, 5.0)


def test_after_a_long_time_without_a_look_nothing_is_concluded_from_the_difference() -> None:
    learned = looks(Load(0, 0, 0), Load(900, 0, 0), every=31.0)
    assert (len(learned.samples), mean_arrivals(learned)) == (1, 0.0)


def test_the_startup_time_is_learned_from_a_rise_whose_pods_are_ready() -> None:
    learned = starting(looks(Load(9, 0, 0)), Change(10.0, 0, 3))
    assert observe(learned, Load(9, 0, 0), Workers(3, 2), 15.0).starting is not None
    done = observe(learned, Load(9, 0, 0), Workers(3, 3), 20.0)
    assert done.starting is None
    assert PRIOR_STARTUP_SECONDS < done.startup_seconds < 10.0


def test_the_startup_time_is_the_mean_of_the_pods_and_not_that_of_the_slowest() -> None:
    learned = replace(looks(Load(9, 0, 0)), startup_seconds=5.0)
    learned = starting(learned, Change(10.0, 1, 3))
    for at, ready in ((12.0, 1), (14.0, 2), (20.0, 3)):  # one after 3 s and one after 7, as far as looks can tell
        learned = observe(learned, Load(9, 0, 0), Workers(3, ready), at)
    assert (learned.starting, learned.startup_seconds) == (None, 5.0)


def test_a_rise_that_was_called_off_teaches_nothing() -> None:
    learned = starting(looks(Load(9, 0, 0)), Change(10.0, 0, 3))
    off = observe(learned, Load(0, 0, 0), Workers(1, 1), 12.0)
    assert (off.starting, off.startup_seconds) == (None, PRIOR_STARTUP_SECONDS)
