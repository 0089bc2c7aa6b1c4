"""Who takes part in `dcp simulate`, and what is said of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dcp_cli.simulate.autoscaler import Autoscaler, Phases, phases
from dcp_cli.simulate.keda import Keda, KedaSettings
from dcp_cli.simulate.numaflow import Numaflow
from dcp_cli.simulate.ours import Ours, Step
from dcp_cli.simulate.play import Played, play
from dcp_cli.simulate.trace import Trace
from dcp_cli.simulate.world import Physics
from dcp_pipeline.scaling.model import Bounds, Policy

PHASES = 8
TUNED = KedaSettings(list_length=10, polling_seconds=2.0, cooldown_seconds=30.0, down_window_seconds=30.0)


@dataclass(frozen=True)
class Result:
    """One autoscaler's figures: means over the starting phases, in seconds, batches and pods; and one curve."""

    name: str
    most_waiting: float
    longest_wait: float
    over_target: float
    pod_seconds: float
    steps: float
    stopped_busy: float
    empty_at: float
    gone_at: float
    shown: Played
    """One of the phases, with its curve."""


def contestants(policy: Policy, bounds: Bounds) -> dict[str, Callable[[Phases], Autoscaler]]:
    """All that take part, with the same bounds."""
    return {
        "ours": lambda phase: Ours(policy, bounds, phase),
        "KEDA, defaults": lambda phase: Keda(KedaSettings(), bounds, phase),
        "KEDA, tuned": lambda phase: Keda(TUNED, bounds, phase),
        "Numaflow": lambda phase: Numaflow(bounds, phase),
    }


def contest(trace: Trace, policy: Policy, bounds: Bounds, physics: Physics, target_seconds: float) -> list[Result]:
    """Play the load with each of them, ours first."""
    every = max(1.0, trace.end / 600)
    return [
        _result(name, [play(trace, make(each), physics, every) for each in phases(PHASES)], target_seconds)
        for name, make in contestants(policy, bounds).items()
    ]


def explained(trace: Trace, policy: Policy, bounds: Bounds, physics: Physics) -> list[Step]:
    """Every change that ours makes, with its reason; of the phase whose curve is shown."""
    ours = Ours(policy, bounds, phases(PHASES)[0])
    play(trace, ours, physics)
    return ours.steps


def _result(name: str, played: list[Played], target_seconds: float) -> Result:
    def mean(figure: Callable[[Played], float]) -> float:
        return sum(figure(each) for each in played) / len(played)

    return Result(
        name=name,
        most_waiting=mean(lambda each: max((point.backlog for point in each.curve), default=0)),
        longest_wait=mean(lambda each: each.longest_wait),
        over_target=mean(lambda each: each.over_target(target_seconds)),
        pod_seconds=mean(lambda each: each.tally.pod_seconds),
        steps=mean(lambda each: len(each.tally.changes)),
        stopped_busy=mean(lambda each: each.tally.stopped_busy),
        empty_at=mean(lambda each: each.tally.last_done),
        gone_at=mean(lambda each: each.tally.gone_at),
        shown=played[0],
    )
