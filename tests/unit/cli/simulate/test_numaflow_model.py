"""The model of Numaflow's autoscaler: the corner cases of its formula."""

from __future__ import annotations

import itertools

import pytest

from dcp_cli.simulate.autoscaler import Phases, phases
from dcp_cli.simulate.numaflow import Numaflow, desired_replicas
from dcp_cli.simulate.play import play
from dcp_cli.simulate.trace import load_trace
from dcp_cli.simulate.world import Physics, Seen
from dcp_pipeline.scaling.model import Bounds

BOUNDS = Bounds(least=0, most=10, fallback=0)


@pytest.mark.parametrize(
    ("pending", "rate", "ready", "wish"),
    [
        pytest.param(0, 0.0, 3, 0, id="nothing to do, nothing done: none"),
        pytest.param(50, 0.0, 3, 3, id="nothing done yet: as many as there are"),
        pytest.param(120, 2.0, 2, 6, id="pending / rate / 20 s, times those that are ready"),
        pytest.param(1, 10.0, 1, 1, id="never 0 while something is done"),
        pytest.param(3, 0.01, 2, 3, id="never more than are pending"),
        pytest.param(4000, 2.0, 2, 10, id="never above the maximum"),
    ],
)
def test_the_wish_follows_the_formula(pending: float, rate: float, ready: int, wish: int) -> None:
    assert desired_replicas(pending, rate, ready, 3, BOUNDS) == wish


def test_from_zero_it_peeks_blindly_after_two_minutes() -> None:
    numaflow = Numaflow(BOUNDS, Phases(0.0, 0.5))
    numaflow._scaled_at = 0.0
    seen = Seen(200, 0, 0, 0, 0)
    wanted = {}
    while (due := numaflow.due()) <= 120:
        wanted[due] = numaflow.act(due, seen)
    assert (wanted[90.0], wanted[120.0]) == (0, 1)


def test_it_takes_two_steps_at_most_and_rests_for_90_seconds() -> None:
    changes = play(load_trace("burst"), Numaflow(BOUNDS, phases(1)[0]), Physics()).tally.changes
    numbers = [0, *(wanted for _, wanted in changes)]
    assert max(abs(after - before) for before, after in itertools.pairwise(numbers)) <= 2
    assert all(later - earlier >= 90 for (earlier, _), (later, _) in itertools.pairwise(changes))
