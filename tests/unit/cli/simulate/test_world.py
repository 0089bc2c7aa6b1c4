"""The simulated queue and pods: what is counted, and when."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_cli.simulate.play import over_target
from dcp_cli.simulate.world import Physics, World


def test_pods_work_once_they_have_started_and_cost_from_the_beginning() -> None:
    world = World((0.0, 0.0, 0.0), Physics(service_seconds=10, startup_seconds=3, stop_seconds=1), idle_first=True)
    world.scale(0.0, 2)
    world.advance(20.0)
    assert world.tally.starts == [3.0, 3.0, 13.0]
    world.advance(25.0)
    world.scale(25.0, 0)
    world.finish(100.0)
    assert world.tally.pod_seconds == 2 * (25.0 + 1.0)


def test_a_pod_that_goes_finishes_what_it_holds_and_takes_no_more() -> None:
    world = World((0.0, 0.0), Physics(service_seconds=10, startup_seconds=3, stop_seconds=1), idle_first=True)
    world.scale(0.0, 1)
    world.advance(5.0)
    world.scale(5.0, 0)
    world.finish(100.0)
    assert (world.tally.starts, world.tally.last_done, world.tally.stopped_busy) == ([3.0], 13.0, 1)
    assert world.tally.pod_seconds == 14.0


@pytest.mark.parametrize(("idle_first", "stopped"), [(True, 0), (False, 1)])
def test_pods_that_hold_nothing_go_first_where_the_autoscaler_says_so(idle_first: bool, stopped: int) -> None:
    physics = Physics(service_seconds=100, startup_seconds=3)
    world = World((0.0, 5.0), physics, idle_first)
    world.scale(0.0, 1)
    world.advance(4.0)
    world.scale(4.0, 2)
    world.advance(8.0)
    world.scale(8.0, 3)
    world.advance(12.0)
    world.scale(12.0, 2)
    assert world.tally.stopped_busy == 0, "the newest holds nothing"
    world.advance(13.0)
    world.scale(13.0, 1)
    assert world.tally.stopped_busy == 1, "both hold one"


def test_a_sink_that_takes_so_many_batches_per_second_is_no_faster_with_more_pods() -> None:
    physics = Physics(service_seconds=1, startup_seconds=0.5, sink_rate=lambda _: 2.0)
    world = World((0.0,) * 100, physics, idle_first=True)
    world.scale(0.0, 10)
    world.advance(40.5)
    assert world.seen().done == pytest.approx(80, abs=5)


def test_the_time_over_the_target_is_counted_once_however_many_wait() -> None:
    assert over_target([0.0, 0.0, 0.0], [5.0, 30.0, 30.0], 100.0, 10.0) == 20.0
    assert over_target([0.0, 50.0], [30.0, 70.0], 100.0, 10.0) == 30.0
    assert over_target([0.0], [], 100.0, 10.0) == 90.0, "what was never taken waits until the end"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 200), max_size=60),
    st.lists(st.tuples(st.floats(0, 300), st.integers(0, 6)), max_size=12),
    st.integers(1, 3),
)
def test_every_batch_is_taken_once_in_order_and_by_no_more_than_the_pods_hold(
    arrivals: list[float], changes: list[tuple[float, int]], concurrency: int
) -> None:
    arrivals.sort()
    physics = Physics(service_seconds=2.5, startup_seconds=3, concurrency=concurrency)
    world = World(tuple(arrivals), physics, idle_first=False)
    for at, wanted in sorted(changes):
        world.advance(at)
        world.scale(at, wanted)
        seen = world.seen()
        assert seen.in_flight <= concurrency * (seen.wanted + world.tally.stopped_busy)
    world.advance(300.0)
    world.scale(300.0, 5)
    world.finish(1000.0)
    assert world.seen().done == len(arrivals) == len(world.tally.starts)
    assert world.tally.starts == sorted(world.tally.starts)
    assert all(start >= arrival for arrival, start in zip(arrivals, world.tally.starts, strict=True))
