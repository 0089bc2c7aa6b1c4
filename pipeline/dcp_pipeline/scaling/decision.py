"""The decision: how many workers, from what was observed, with its reason in words and numbers.

decide_replicas is the table of contents: look, ask for what the backlog calls for, then let the bounds, the windows,
the sink, the rate limits, what is in flight and the cooldown each have their say. Nothing here waits, reads or writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from dcp_pipeline.scaling.behavior import least_now, most_now, recent, remembered, stabilised, tolerated
from dcp_pipeline.scaling.demand import Wanted, demand
from dcp_pipeline.scaling.learning import LONGEST_GAP_SECONDS, observe, starting
from dcp_pipeline.scaling.model import (
    Bounds,
    Cause,
    Change,
    Decision,
    Learned,
    Load,
    Memory,
    Policy,
    Unread,
    Wish,
    Workers,
)
from dcp_pipeline.scaling.sink_health import ceiling, look

FALLBACK_AFTER_SECONDS = 10.0
"""A queue that cannot be read for a moment only has the workers held; one that cannot for longer, the fallback."""
SHORTEST_WINDOW_SECONDS, LONGEST_WINDOW_SECONDS = 5.0, 60.0


def decide_replicas(
    load: Load | Unread, workers: Workers, bounds: Bounds, policy: Policy, memory: Memory, now: float
) -> Decision:
    """The decision. `memory` is the last decision's, Memory() at first; `now` is in monotonic seconds."""
    memory = _as_applied(memory, workers.wanted)
    if isinstance(load, Unread):
        return _held(load, workers.wanted, bounds, policy, memory, now)
    learned = observe(memory.learned, load, workers, now)
    sink = look(memory.sink, load, workers, policy, learned, now)
    active_at = now if load.backlog or memory.active_at is None else memory.active_at
    wish = _at_least(demand(load, workers, policy, learned), bounds)
    window = down_window(policy, learned)
    wishes = _wishes(memory.wishes, wish.replicas, workers.wanted, policy, window, now)
    memory = replace(memory, wishes=wishes, active_at=active_at, learned=learned, sink=sink)
    case = _Case(load, workers.wanted, bounds, policy, memory, window, now)
    wanted = wish
    for step in _STEPS:
        wanted = step(wanted, case)
    return _decided(wanted, case)


def down_window(policy: Policy, learned: Learned) -> float:
    """How long fewer must have been wished for. By default as long as a worker takes to start: who waits for as long
    as coming back would cost never pays more than twice the least possible (the ski-rental problem)."""
    if policy.down.window_seconds is not None:
        return policy.down.window_seconds
    return min(max(learned.startup_seconds, SHORTEST_WINDOW_SECONDS), LONGEST_WINDOW_SECONDS)


@dataclass(frozen=True)
class _Case:
    """What every step may look at."""

    load: Load
    current: int
    bounds: Bounds
    policy: Policy
    memory: Memory
    window: float
    now: float


def _at_least(wanted: Wanted, bounds: Bounds) -> Wanted:
    if wanted.replicas >= bounds.least:
        return wanted
    return wanted.instead(bounds.least, f"minReplicas is {bounds.least}", Cause.MINIMUM)


def _windows(wanted: Wanted, case: _Case) -> Wanted:
    """Tolerance and stabilisation."""
    wish, up, down = wanted.replicas, case.policy.up, case.policy.down
    if wish != case.current and tolerated(wish, case.current, up, down):
        return wanted.instead(case.current, f"{wish} would be within the tolerance of {case.current}", Cause.WINDOW)
    agreed = stabilised(case.current, case.memory.wishes, up.window_seconds or 0.0, case.window, case.now)
    if agreed > wish:
        return wanted.instead(agreed, f"fewer workers only once that has lasted {case.window:.0f} s", Cause.WINDOW)
    if agreed < wish:
        return wanted.instead(agreed, f"more only once that has lasted {up.window_seconds:.0f} s", Cause.WINDOW)
    return wanted


def _sink(wanted: Wanted, case: _Case) -> Wanted:
    if wanted.replicas <= case.current:
        return wanted
    top = ceiling(case.memory.sink, case.current, case.policy, case.memory.learned, case.now)
    if top is None or wanted.replicas <= top.workers:
        return wanted
    return wanted.instead(max(case.current, top.workers), top.why, Cause.SINK)


def _rates(wanted: Wanted, case: _Case) -> Wanted:
    changes, up, down = case.memory.changes, case.policy.up, case.policy.down
    most = most_now(case.current, changes, up, case.now)
    if most is not None and case.current < wanted.replicas > most:
        return wanted.instead(most, f"scaleUp allows {most} by now", Cause.RATE)
    least = least_now(case.current, changes, down, case.now)
    if least is not None and case.current > wanted.replicas < least:
        return wanted.instead(least, f"scaleDown allows {least} by now", Cause.RATE)
    return wanted


def _in_flight(wanted: Wanted, case: _Case) -> Wanted:
    """A busy worker is not sent away: fewer only as they become idle."""
    busy = min(math.ceil(case.load.in_flight / case.policy.concurrency), case.current)
    if wanted.replicas >= busy:
        return wanted
    return wanted.instead(busy, f"{case.load.in_flight} batches are in flight", Cause.IN_FLIGHT)


def _cooldown(wanted: Wanted, case: _Case) -> Wanted:
    idle = case.now - (case.memory.active_at or 0.0)
    if wanted.replicas or not case.current or idle >= case.policy.cooldown_seconds:
        return wanted
    return wanted.instead(1, f"the last worker stays for {case.policy.cooldown_seconds:g} s", Cause.COOLDOWN)


def _at_most(wanted: Wanted, case: _Case) -> Wanted:
    if wanted.replicas <= case.bounds.most:
        return wanted
    why = f"maxReplicas is {case.bounds.most}" if case.bounds.most else "state is Stopped"
    return wanted.instead(case.bounds.most, why, Cause.MAXIMUM)


_STEPS: tuple[Callable[[Wanted, _Case], Wanted], ...] = (_windows, _sink, _rates, _in_flight, _cooldown, _at_most)
"""In this order: a rate limit must not undo the cap, what is in flight beats every limit on the way down, and
maxReplicas beats all."""


def _wishes(
    before: tuple[Wish, ...], wish: int, current: int, policy: Policy, window: float, now: float
) -> tuple[Wish, ...]:
    """The wishes with the present one. Without any that is recent, the present number of workers is the first: who
    has just started, or has not looked for long, drops nobody."""
    longest = max(window, policy.up.window_seconds or 0.0)
    seen = bool(before) and now - before[-1].at < max(longest, LONGEST_GAP_SECONDS)
    recent_ones = before if seen else (Wish(now, current),)
    return remembered((*recent_ones, Wish(now, wish)), longest, now)


def _as_applied(memory: Memory, current: int) -> Memory:
    """The last change as it came about: a write may have failed, or workers that were to go are still busy."""
    if not memory.changes or memory.changes[-1].after == current:
        return memory
    *earlier, last = memory.changes
    if last.before == current:
        return replace(memory, changes=tuple(earlier))
    return replace(memory, changes=(*earlier, replace(last, after=current)))


def _decided(wanted: Wanted, case: _Case) -> Decision:
    memory, changes = case.memory, case.memory.changes
    if wanted.replicas != case.current:
        change = Change(case.now, case.current, wanted.replicas)
        changes = (*changes, change)
        memory = replace(memory, learned=starting(memory.learned, change))
    kept = recent(changes, case.policy.up, case.policy.down, case.now)
    return Decision(wanted.replicas, wanted.reason, wanted.cause, replace(memory, changes=kept))


def _held(load: Unread, current: int, bounds: Bounds, policy: Policy, memory: Memory, now: float) -> Decision:
    """While the queue cannot be read: as many as there are, and after a moment no fewer than the fallback."""
    floor = bounds.fallback if load.seconds >= FALLBACK_AFTER_SECONDS else 0
    held = min(max(current, floor, bounds.least), bounds.most)
    why = f"the queue cannot be read for {load.seconds:.0f} s"
    if held > current:
        why = f"{why}; the least meanwhile is {held}"
    elif held == current:
        why = f"{why}; held"
    else:
        why = f"{why}; maxReplicas is {bounds.most}"
    window = down_window(policy, memory.learned)
    wishes = _wishes(memory.wishes, held, current, policy, window, now)
    return Decision(held, why, Cause.HELD, replace(memory, wishes=wishes, active_at=now))
