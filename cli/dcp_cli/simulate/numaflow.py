"""Numaflow's autoscaler for a MonoVertex, as its code decides (monovertex/scaling/scaling.go), at its defaults.

Rates and pending are means over the lookback. From zero it peeks blindly, one pod every two minutes.
"""

from __future__ import annotations

from collections import deque

from dcp_cli.simulate.autoscaler import Loop, Phases
from dcp_cli.simulate.world import Seen
from dcp_pipeline.scaling.model import Bounds

CHECK_SECONDS = 30.0
SAMPLE_SECONDS = 5.0
LOOKBACK_SECONDS = 120.0
COOLDOWN_SECONDS = 90.0
ZERO_SLEEP_SECONDS = 120.0
TARGET_SECONDS = 20.0
STEP = 2


def desired_replicas(pending: float, rate: float, ready: int, current: int, bounds: Bounds) -> int:
    """Before the step's limit; `rate` is in batches per second of all that are ready."""
    if pending == 0 and rate == 0:
        return max(0, bounds.least)
    if rate == 0:
        return current
    wish = round(pending / rate / TARGET_SECONDS * ready)
    wish = min(max(wish, 1), max(1, int(pending)))
    return min(max(wish, bounds.least), bounds.most)


class Numaflow:
    """Samples what it sees, and decides every 30 s."""

    idle_first = False

    def __init__(self, bounds: Bounds, phases: Phases) -> None:
        self._bounds = bounds
        self._samples: deque[tuple[float, int, int]] = deque()
        self._checks = Loop(CHECK_SECONDS, phases.first)
        self._looks = Loop(SAMPLE_SECONDS, phases.second)
        self._scaled_at = -COOLDOWN_SECONDS

    def due(self) -> float:
        return min(self._checks.due, self._looks.due)

    def act(self, now: float, seen: Seen) -> int:
        if self._looks.passed(now):
            self._samples.append((now, seen.waiting + seen.in_flight, seen.done))
            while now - self._samples[0][0] > LOOKBACK_SECONDS:
                self._samples.popleft()
        if not self._checks.passed(now):
            return seen.wanted
        new = self._decide(now, seen)
        if new != seen.wanted:
            self._scaled_at = now
        return new

    def _decide(self, now: float, seen: Seen) -> int:
        since = now - self._scaled_at
        if seen.wanted == 0:
            return max(1, self._bounds.least) if since >= ZERO_SLEEP_SECONDS else 0
        if since < COOLDOWN_SECONDS or seen.ready != seen.wanted or len(self._samples) < 2:
            return seen.wanted
        first, last = self._samples[0], self._samples[-1]
        rate = (last[2] - first[2]) / (last[0] - first[0])
        pending = sum(each[1] for each in self._samples) / len(self._samples)
        wish = desired_replicas(pending, rate, seen.ready, seen.wanted, self._bounds)
        return min(max(wish, seen.wanted - STEP), seen.wanted + STEP)
