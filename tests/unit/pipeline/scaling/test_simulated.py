"""The decision at its defaults, played in the simulator: what issue 6 asks of it, less the cluster."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from dcp_cli.simulate.autoscaler import phases
from dcp_cli.simulate.ours import Ours
from dcp_cli.simulate.play import Played, play
from dcp_cli.simulate.trace import load_trace, of_rows
from dcp_cli.simulate.world import Physics
from dcp_pipeline.scaling.model import Bounds, Cause, Policy

BOUNDS = Bounds(least=0, most=10, fallback=1)
DEFAULTS = Policy(concurrency=1)


def played(rows: list[tuple[float, float]], physics: Physics) -> list[tuple[Ours, Played]]:
    """From each of 20 starting phases."""
    trace = of_rows("load", rows)
    found = []
    for each in phases(20):
        ours = Ours(DEFAULTS, BOUNDS, each)
        found.append((ours, play(trace, ours, physics)))
    return found


def test_the_burst_that_keda_was_measured_on_is_answered_at_once_and_costs_little() -> None:
    runs = played([(0, 0), (60, 200), (60, 0), (70, 0)], Physics(service_seconds=1.0))
    first = [ours.steps[0] for ours, _ in runs]
    assert {(each.before, each.after) for each in first} == {(0, 10)}
    assert max(each.at - 60 for each in first) < 3.0
    assert max(each.tally.last_done - 60 for _, each in runs) < 30
    assert max(each.tally.gone_at - 60 for _, each in runs) < 60
    assert max(each.tally.pod_seconds for _, each in runs) <= 320


def test_no_pod_is_stopped_while_it_holds_one_of_fifty_long_batches() -> None:
    runs = played([(0, 0), (10, 50), (10, 0), (20, 0)], Physics(service_seconds=40.0))
    assert sum(each.tally.stopped_busy for _, each in runs) == 0
    assert {len(each.tally.starts) for _, each in runs} == {50}


@pytest.mark.parametrize("name", ["on-off", "ramp", "spike-train"])
def test_no_busy_pod_is_stopped_under_any_load(name: str) -> None:
    for each in phases(2):
        assert play(load_trace(name), Ours(DEFAULTS, BOUNDS, each), Physics()).tally.stopped_busy == 0


def slow_sink(before: float, while_slow: float) -> tuple[Ours, Played]:
    """Three batches per second for half an hour; the sink is slow from the 5th to the 25th minute."""
    sink: Callable[[float], float] = lambda at: while_slow if 300 <= at < 1500 else before  # noqa: E731
    ours = Ours(DEFAULTS, BOUNDS, phases(1)[0])
    return ours, play(of_rows("steady", [(0, 5400), (1800, 0)]), ours, Physics(sink_rate=sink))


def test_a_sink_slowed_to_a_quarter_ends_the_growth_and_nothing_oscillates() -> None:
    ours, _ = slow_sink(before=8.0, while_slow=2.0)
    slow = [each for each in ours.steps if 300 <= each.at < 1500]
    assert max(each.after for each in slow) <= 6, "ten would not be quicker"
    for start in range(300, 1500, 60):
        ways = [each.after > each.before for each in slow if start <= each.at < start + 600]
        assert sum(one != other for one, other in itertools.pairwise(ways)) <= 2


def test_a_sink_that_works_again_is_given_workers_again() -> None:
    ours, run = slow_sink(before=12.0, while_slow=2.0)
    assert max(each.after for each in ours.steps if each.at >= 1500) == 10
    assert run.tally.last_done < run.trace.end


def test_the_decision_says_that_the_sink_takes_no_more() -> None:
    decisions: list[tuple[Cause, str]] = []

    class Told(Ours):
        def act(self, now, seen):  # type: ignore[no-untyped-def]
            wanted = super().act(now, seen)
            decisions.append((self.decision.cause, self.decision.reason))
            return wanted

    sink: Callable[[float], float] = lambda at: 2.0 if at >= 300 else 8.0  # noqa: E731
    trace = of_rows("steady", [(0, 3600), (1200, 0)])
    play(trace, Told(DEFAULTS, BOUNDS, phases(1)[0]), Physics(sink_rate=sink))
    reasons = [reason for cause, reason in decisions if cause is Cause.SINK]
    assert any("the sink takes no more: from 3 to" in reason for reason in reasons), reasons[-1:]
