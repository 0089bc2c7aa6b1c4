"""HPA v2's `behavior`: tolerance, stabilisation windows and rate limits, as kube-controller-manager computes them.

After pkg/controller/podautoscaler/horizontal.go (stabilizeRecommendationWithBehaviors, calculateScaleUpLimit...,
calculateScaleDownLimit...), except where the HPA knows no zero: from 0 there is always a first worker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dcp_pipeline.scaling.model import Change, Rules, Wish


def tolerated(wish: int, current: int, up: Rules, down: Rules) -> bool:
    """Whether a wish is too near to the present number to be followed. Zero is never near."""
    if wish == 0 or current == 0:
        return wish == current
    tolerance = up.tolerance if wish > current else down.tolerance
    return abs(wish - current) <= tolerance * current


def stabilised(current: int, wishes: Sequence[Wish], up_seconds: float, down_seconds: float, now: float) -> int:
    """The number that the wishes of the two windows agree on; the last wish is the present one."""
    latest = wishes[-1].replicas
    up = min([latest, *(each.replicas for each in wishes if now - each.at < up_seconds)])
    down = max([latest, *(each.replicas for each in wishes if now - each.at < down_seconds)])
    if current < up:
        return up
    return down if current > down else current


def remembered(wishes: Sequence[Wish], longest_seconds: float, now: float) -> tuple[Wish, ...]:
    """The wishes that can still be the least or greatest of a window that ends later: a handful."""
    kept: list[Wish] = []
    for each in reversed(wishes):
        if now - each.at >= longest_seconds and kept:
            break
        if not kept or each.replicas > max(k.replicas for k in kept) or each.replicas < min(k.replicas for k in kept):
            kept.append(each)
    return tuple(reversed(kept))


def most_now(current: int, changes: Sequence[Change], rules: Rules, now: float) -> int | None:
    """How many there may be at most by the rules for more; None: no limit."""
    if rules.select == "Disabled":
        return current
    if not rules.steps:
        return None
    allowed = []
    for step in rules.steps:
        start = _at_start(current, changes, step.period_seconds, now)
        more = start + step.value if step.kind == "Pods" else math.ceil(start * (1 + step.value / 100))
        allowed.append(more)
    limit = min(allowed) if rules.select == "Min" else max(allowed)
    return max(limit, current, 1)


def least_now(current: int, changes: Sequence[Change], rules: Rules, now: float) -> int | None:
    """How many there must be at least by the rules for fewer; None: no limit."""
    if rules.select == "Disabled":
        return current
    if not rules.steps:
        return None
    allowed = []
    for step in rules.steps:
        start = _at_start(current, changes, step.period_seconds, now)
        less = start - step.value if step.kind == "Pods" else int(start * (1 - step.value / 100))
        allowed.append(less)
    limit = max(allowed) if rules.select == "Min" else min(allowed)
    return max(0, min(limit, current))


def recent(changes: Sequence[Change], up: Rules, down: Rules, now: float) -> tuple[Change, ...]:
    """The changes that a rate limit still looks at."""
    longest = max([step.period_seconds for step in (*up.steps, *down.steps)], default=0.0)
    return tuple(each for each in changes if now - each.at < longest)


def _at_start(current: int, changes: Sequence[Change], period_seconds: float, now: float) -> int:
    """How many there were when the period began."""
    return current - sum(each.after - each.before for each in changes if now - each.at < period_seconds)
