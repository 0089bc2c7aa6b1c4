"""KEDA 2.21 and the HorizontalPodAutoscaler that it makes, as their code decides (formulas: docs/autoscaling.md).

KEDA's loop (scale_handler.go, scale_scaledobjects.go) brings the first pod and takes the last; all between is the
HPA's (horizontal.go, replica_calculator.go), which asks for the queue's length every 15 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcp_cli.simulate.autoscaler import Loop, Phases
from dcp_cli.simulate.world import Seen
from dcp_pipeline.scaling.behavior import least_now, most_now
from dcp_pipeline.scaling.model import Bounds, Change, Rules, Step, Wish

HPA_SYNC_SECONDS = 15.0
HPA_TOLERANCE = 0.1
HPA_WINDOW_SECONDS = 300.0
UP_STEPS = (Step("Pods", 4, 15.0), Step("Percent", 100, 15.0))
DOWN_STEPS = (Step("Percent", 100, 15.0),)


@dataclass(frozen=True)
class KedaSettings:
    """A ScaledObject's settings. `down_window_seconds` None: no behavior is set, as by default."""

    list_length: int = 5
    polling_seconds: float = 30.0
    cooldown_seconds: float = 300.0
    down_window_seconds: float | None = None
    up_steps: tuple[Step, ...] = UP_STEPS
    counts_in_flight: bool = False
    """A list holds what waits. Our own KEDA mode has it count an index of all that is not done."""


class Hpa:
    """The HPA's decision with its memory of recommendations and events."""

    def __init__(self, settings: KedaSettings, bounds: Bounds) -> None:
        self._settings, self._bounds = settings, bounds
        self._least = max(1, bounds.least)
        self._wishes: list[Wish] = []
        self._changes: list[Change] = []

    def decide(self, now: float, metric: int, current: int) -> int:
        """The new number; `metric` is the queue's length, `current` spec.replicas and status.replicas alike."""
        if current == 0:
            return 0
        if not self._wishes:
            self._wishes.append(Wish(now, current))
        if current > self._bounds.most:
            return self._bounds.most
        if current < self._least:
            return self._least
        desired = self._desired(metric, current)
        if self._settings.down_window_seconds is None:
            return self._without_behavior(now, desired, current)
        new = self._with_behavior(now, desired, current, self._settings.down_window_seconds)
        if new != current:
            self._changes = [each for each in self._changes if now - each.at < HPA_SYNC_SECONDS]
            self._changes.append(Change(now, current, new))
        return new

    def _desired(self, metric: int, current: int) -> int:
        ratio = metric / (self._settings.list_length * current)
        if 1 - HPA_TOLERANCE <= ratio <= 1 + HPA_TOLERANCE:
            return current
        return math.ceil(metric / self._settings.list_length)

    def _without_behavior(self, now: float, desired: int, current: int) -> int:
        self._remember(now, desired, HPA_WINDOW_SECONDS)
        stabilised = max(each.replicas for each in self._wishes)
        return max(self._least, min(stabilised, self._bounds.most, max(2 * current, 4)))

    def _with_behavior(self, now: float, desired: int, current: int, window: float) -> int:
        self._remember(now, desired, window)
        down = max([desired, *(each.replicas for each in self._wishes if now - each.at < window)])
        new = min(max(current, desired), max(current, down)) if current < desired else min(current, down)
        up, fewer = Rules(steps=self._settings.up_steps), Rules(steps=DOWN_STEPS)
        if new > current:
            limit = most_now(current, self._changes, up, now)
            return min(new, self._bounds.most, limit if limit is not None else new)
        limit = least_now(current, self._changes, fewer, now)
        return max(new, self._least, limit or 0) if new < current else current

    def _remember(self, now: float, desired: int, window: float) -> None:
        self._wishes = [each for each in self._wishes if now - each.at < window]
        self._wishes.append(Wish(now, desired))


class Keda:
    """KEDA's loop and the HPA's, each in its own time."""

    idle_first = False

    def __init__(self, settings: KedaSettings, bounds: Bounds, phases: Phases) -> None:
        self._settings, self._bounds = settings, bounds
        self._hpa = Hpa(settings, bounds)
        self._polls = Loop(settings.polling_seconds, phases.first)
        self._syncs = Loop(HPA_SYNC_SECONDS, phases.second)
        self._active_at = 0.0

    def due(self) -> float:
        return min(self._polls.due, self._syncs.due)

    def act(self, now: float, seen: Seen) -> int:
        length = seen.waiting + (seen.in_flight if self._settings.counts_in_flight else 0)
        if self._polls.passed(now):
            return self._poll(now, length, seen)
        self._syncs.passed(now)
        return self._hpa.decide(now, length, seen.wanted)

    def _poll(self, now: float, length: int, seen: Seen) -> int:
        if length > 0:
            self._active_at = now
            return seen.wanted or max(1, self._bounds.least)
        if self._bounds.least == 0 and seen.wanted and now - self._active_at > self._settings.cooldown_seconds:
            return 0
        return seen.wanted
