"""Ours, at its one default setting, against a grid of KEDA's and the HPA's: `python -m dcp_cli.simulate.grid`.

Two measures per load, of which less is better: the time over the target (some batch has been waiting for longer), and
pod-seconds. Both are means over the same starting phases. What must hold (`problems`): no point of the grid is as good
on both and better on one; and on loads that come at once, whoever is level with ours on one is far behind on the other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

from dcp_cli.simulate.autoscaler import Autoscaler, Phases, phases
from dcp_cli.simulate.keda import Keda, KedaSettings
from dcp_cli.simulate.ours import Ours
from dcp_cli.simulate.play import play
from dcp_cli.simulate.trace import READY_MADE, Trace
from dcp_cli.simulate.world import Physics
from dcp_pipeline.scaling.model import Bounds, Policy, Step

PHASES_AT_ONCE, PHASES_OF_FLOWS = 4, 2
"""A burst meets the loops where they happen to be; a flow of an hour meets them everywhere."""
TARGET_SECONDS = 10.0
BOUNDS = Bounds(least=0, most=10, fallback=0)
MARGIN = 0.7
"""On loads that come at once ours has at most this part of what those have who are level on the other measure."""
AT_ONCE = ("burst", "spike-train", "on-off")

LIST_LENGTHS = (1, 2, 5, 10, 20, 40)
POLLING_SECONDS = (2.0, 10.0, 30.0)
COOLDOWN_SECONDS = (15.0, 60.0, 300.0)
WINDOW_SECONDS = (0.0, 15.0, 60.0, 300.0)
UNLIMITED = (Step("Percent", 900, 15.0),)
"""A scaleUp policy that lets the HPA go from 1 to 10 in one step."""


@dataclass(frozen=True)
class Standing:
    """One autoscaler's two measures on one load, in seconds. `settings` is None for ours."""

    trace: str
    settings: KedaSettings | None
    over_target: float
    pod_seconds: float

    @property
    def name(self) -> str:
        if self.settings is None:
            return "ours"
        if self.settings == KedaSettings():
            return "KEDA's defaults"
        each = self.settings
        limits = "" if each.up_steps == KedaSettings().up_steps else ", scaleUp unlimited"
        limits += ", in flight counted" if each.counts_in_flight else ""
        times = f"polls {each.polling_seconds:g} s, cooldown {each.cooldown_seconds:g} s"
        return f"listLength {each.list_length}, {times}, window {each.down_window_seconds or 0:g} s{limits}"


@dataclass(frozen=True)
class Verdict:
    """How ours stands on one load. The ratios are ours / the best of those who are level with it; None: nobody is."""

    trace: str
    ours: Standing
    grid: tuple[Standing, ...]

    @property
    def beaten_by(self) -> tuple[Standing, ...]:
        return tuple(each for each in self.grid if _beats(each, self.ours))

    @property
    def level_on_time(self) -> Standing | None:
        """Of those whose time over the target is no longer, the one with the fewest pod-seconds."""
        level = [each for each in self.grid if each.over_target <= self.ours.over_target]
        return min(level, key=lambda each: each.pod_seconds, default=None)

    @property
    def level_on_pods(self) -> Standing | None:
        """Of those with no more pod-seconds, the one with the shortest time over the target."""
        level = [each for each in self.grid if each.pod_seconds <= self.ours.pod_seconds]
        return min(level, key=lambda each: each.over_target, default=None)

    @property
    def problems(self) -> tuple[str, ...]:
        found = [f"{self.trace}: {each.name} is better than ours" for each in self.beaten_by]
        if self.trace in AT_ONCE:
            on_time, on_pods = self.level_on_time, self.level_on_pods
            if on_time and self.ours.pod_seconds > MARGIN * on_time.pod_seconds:
                found.append(f"{self.trace}: {on_time.name} is level on time, and near on pod-seconds")
            if on_pods and self.ours.over_target > MARGIN * on_pods.over_target:
                found.append(f"{self.trace}: {on_pods.name} is level on pod-seconds, and near on time")
        return tuple(found)


def points() -> list[KedaSettings]:
    """The grid: KEDA's defaults, every combination of the four settings, and the quickest ones without the HPA's
    limit on growth, with what is in flight counted, and with both."""
    grid = product(LIST_LENGTHS, POLLING_SECONDS, COOLDOWN_SECONDS, WINDOW_SECONDS)
    quickest = list(product(LIST_LENGTHS, POLLING_SECONDS[:1], COOLDOWN_SECONDS[:1], WINDOW_SECONDS))
    return [
        KedaSettings(),
        *(KedaSettings(*each) for each in grid),
        *(KedaSettings(*each, up_steps=UNLIMITED) for each in quickest),
        *(KedaSettings(*each, counts_in_flight=True) for each in quickest),
        *(KedaSettings(*each, up_steps=UNLIMITED, counts_in_flight=True) for each in quickest),
    ]


def compare(
    traces: Sequence[Trace], physics: Physics, policy: Policy, target_seconds: float = TARGET_SECONDS
) -> list[Verdict]:
    """Play every load with ours and with every point of the grid, on all processors."""
    settings: list[KedaSettings | None] = [None, *points()]
    jobs = [_Job(trace, each, physics, policy, target_seconds) for trace in traces for each in settings]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        standings = list(pool.map(_standing, jobs, chunksize=16))
    return [
        Verdict(
            trace.name,
            next(each for each in standings if each.trace == trace.name and each.settings is None),
            tuple(each for each in standings if each.trace == trace.name and each.settings is not None),
        )
        for trace in traces
    ]


def ready_made() -> list[Trace]:
    return [make() for make in READY_MADE.values()]


@dataclass(frozen=True)
class _Job:
    trace: Trace
    settings: KedaSettings | None
    physics: Physics
    policy: Policy
    target_seconds: float


def _standing(job: _Job) -> Standing:
    count = PHASES_AT_ONCE if job.trace.name in AT_ONCE else PHASES_OF_FLOWS
    played = [play(job.trace, _scaler(job, each), job.physics) for each in phases(count)]
    over = sum(each.over_target(job.target_seconds) for each in played) / count
    pod_seconds = sum(each.tally.pod_seconds for each in played) / count
    return Standing(job.trace.name, job.settings, round(over, 3), round(pod_seconds, 3))


def _scaler(job: _Job, phase: Phases) -> Autoscaler:
    return Keda(job.settings, BOUNDS, phase) if job.settings else Ours(job.policy, BOUNDS, phase)


def _beats(one: Standing, other: Standing) -> bool:
    no_worse = one.over_target <= other.over_target and one.pod_seconds <= other.pod_seconds
    return no_worse and (one.over_target, one.pod_seconds) != (other.over_target, other.pod_seconds)
