"""One autoscaler, one load: play it, and measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcp_cli.simulate.autoscaler import Autoscaler
from dcp_cli.simulate.trace import Trace
from dcp_cli.simulate.world import Physics, Tally, World


@dataclass(frozen=True)
class Point:
    """One moment of a curve."""

    at: float
    backlog: int
    """Waiting and in flight."""
    age_seconds: float
    """Of the oldest that waits."""
    wanted: int
    ready: int


@dataclass(frozen=True)
class Played:
    """What came of it. Times in seconds."""

    trace: Trace
    tally: Tally
    curve: tuple[Point, ...] = ()

    def over_target(self, target_seconds: float) -> float:
        """How long some batch had been waiting for longer than the target."""
        return over_target(self.trace.arrivals, self.tally.starts, self.trace.end, target_seconds)

    @property
    def longest_wait(self) -> float:
        waits = [start - arrival for arrival, start in zip(self.trace.arrivals, self.tally.starts, strict=False)]
        left = len(self.tally.starts)
        if left < len(self.trace.arrivals):
            waits.append(self.trace.end - self.trace.arrivals[left])
        return max(waits, default=0.0)


def over_target(arrivals: Sequence[float], starts: Sequence[float], end: float, target_seconds: float) -> float:
    """The line is in the order of arrival, so the times over the target of its heads follow each other."""
    total, counted_until = 0.0, 0.0
    for arrived, start in zip(arrivals, (*starts, end), strict=False):
        since = max(arrived + target_seconds, counted_until)
        if start > since:
            total += start - since
            counted_until = start
    return total


def play(trace: Trace, scaler: Autoscaler, physics: Physics, every_seconds: float | None = None) -> Played:
    """Play the load to its end. `every_seconds`: how dense the curve is; None: without one."""
    world = World(trace.arrivals, physics, scaler.idle_first)
    curve: list[Point] = []
    next_point = 0.0 if every_seconds else float("inf")
    while (due := scaler.due()) <= trace.end:
        while next_point <= due:
            world.advance(next_point)
            curve.append(_point(next_point, world))
            next_point += every_seconds or 0.0
        world.advance(due)
        world.scale(due, scaler.act(due, world.seen()))
    world.finish(trace.end)
    return Played(trace, world.tally, tuple(curve))


def _point(at: float, world: World) -> Point:
    seen = world.seen()
    return Point(at, seen.waiting + seen.in_flight, world.oldest_age(at), seen.wanted, seen.ready)
