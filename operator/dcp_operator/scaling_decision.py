"""How many workers a pipeline needs: a pure decision from what is known about its queue.

The wish is KEDA's formula, ceil(backlog / backlogPerWorker), or ceil(backlog / (rate per worker * drainWithin)) once
a rate is known. A wish for less is followed only when it has lasted for COOLDOWN_SECONDS: the greatest wish of that
time counts (HPA v2's stabilisation window), so that the last worker goes only after 30 s without any work. scaler.py
calls it every few seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

COOLDOWN_SECONDS = 30.0
DEFAULT_BACKLOG_PER_WORKER = 20
FALLBACK_AFTER_SECONDS = 10.0
"""A queue that cannot be read for a moment only has the workers held; one that cannot for longer, the fallback."""


@dataclass(frozen=True)
class Load:
    """What the queue holds, in batches. `rate_per_worker` is in batches per second; None until measured."""

    backlog: int
    """Not yet done: ready, scheduled and in flight."""
    in_flight: int
    rate_per_worker: float | None = None


@dataclass(frozen=True)
class Unread:
    """The queue cannot be read, and for how long not."""

    seconds: float


@dataclass(frozen=True)
class Bounds:
    """How many workers there may be; `fallback` is the least while the queue cannot be read."""

    least: int
    most: int
    fallback: int


@dataclass(frozen=True)
class Policy:
    """How many workers a backlog calls for. `concurrency` is the batches that one worker holds at a time."""

    concurrency: int
    backlog_per_worker: int = DEFAULT_BACKLOG_PER_WORKER
    drain_within_seconds: float | None = None


@dataclass(frozen=True)
class Wish:
    """What would have been best at a time, in monotonic seconds."""

    at: float
    replicas: int


@dataclass(frozen=True)
class Decision:
    """How many, why, and what is to be remembered for the next decision."""

    replicas: int
    reason: str
    wishes: tuple[Wish, ...]


def decide_replicas(
    load: Load | Unread, current: int, bounds: Bounds, policy: Policy, wishes: tuple[Wish, ...], now: float
) -> Decision:
    """The decision. `wishes` are the last decision's, () at first; `now` is in monotonic seconds."""
    recent = tuple(each for each in wishes if now - each.at < COOLDOWN_SECONDS) or (Wish(now, current),)
    if isinstance(load, Unread):
        floor = bounds.fallback if load.seconds >= FALLBACK_AFTER_SECONDS else 0
        held = min(max(current, floor, bounds.least), bounds.most)
        return Decision(held, _why_held(held, current, bounds), _remembered(recent, Wish(now, held)))
    wish, reason = _wish(load, policy)
    if wish < bounds.least:
        wish, reason = bounds.least, f"{reason}; minReplicas is {bounds.least}"
    recent = _remembered(recent, Wish(now, wish))
    wanted = wish
    if wish < current:
        wanted = min(current, max(each.replicas for each in recent))
    if wanted > wish:
        reason = f"{reason}; fewer workers only once that has lasted {COOLDOWN_SECONDS:.0f} s"
    if wanted > bounds.most:
        wanted, reason = bounds.most, f"{reason}; maxReplicas is {bounds.most}"
    return Decision(wanted, reason, recent)


def _wish(load: Load, policy: Policy) -> tuple[int, str]:
    if load.backlog == 0:
        return 0, "the queue is empty"
    busy = math.ceil(load.in_flight / policy.concurrency)
    if policy.drain_within_seconds is not None and load.rate_per_worker:
        per_worker = load.rate_per_worker * policy.drain_within_seconds
        reason = f"{load.backlog} batches to be drained within {policy.drain_within_seconds:.0f} s"
        reason += f" at {load.rate_per_worker:.2f} per second and worker"
    else:
        per_worker = float(policy.backlog_per_worker)
        reason = f"{load.backlog} batches, one worker for each {policy.backlog_per_worker}"
    wish = max(1, math.ceil(load.backlog / per_worker))
    if busy > wish:
        return busy, f"{load.in_flight} batches are in flight"
    return wish, reason


def _remembered(recent: tuple[Wish, ...], wish: Wish) -> tuple[Wish, ...]:
    """The wishes that can still be the greatest of their window: each greater than all after it."""
    kept = [each for each in recent if each.replicas > wish.replicas]
    return (*kept, wish)


def _why_held(held: int, current: int, bounds: Bounds) -> str:
    if held > current:
        return f"the queue cannot be read; the least meanwhile is {held}"
    return "the queue cannot be read; held" if held == current else f"maxReplicas is {bounds.most}"
