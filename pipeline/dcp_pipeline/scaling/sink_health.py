"""Whether the database can use more workers: past a point they only wait for it, and for each other.

Two signs. A commit's mean time above the bound that the spec sets: nobody is added meanwhile. And an addition that
brought less than a fifth of what it should have, measured once all are there and busy: it was the last. So that there
is something to compare, workers are added by halves only while batches take twice as long as usual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dcp_pipeline.scaling.model import Busy, Learned, Level, Load, Policy, SinkView, Workers

JUDGED_SECONDS = 15.0
JUDGED_BATCHES = 30
SLOW_FACTOR = 2.0
"""A batch that takes so many times its usual time makes the sink suspicious."""
STEP_FACTOR = 1.5
GAIN_WANTED = 0.2
"""Of the gain that would be proportional to the workers added."""
CAP_SECONDS = 600.0
"""After so long one worker more is tried."""
BETTER_FACTOR = 1.5
"""A rate that is so much better than at the cap ends it."""
CALM_FACTOR = 0.8
"""A commit's time must fall to this part of its bound for workers to be added again."""


@dataclass(frozen=True)
class Ceiling:
    """The most workers that are of any use to the sink, and why."""

    workers: int
    why: str


def look(before: SinkView, load: Load, workers: Workers, policy: Policy, learned: Learned, now: float) -> SinkView:
    """What is known of the sink after one more look. An empty queue ends whatever was found."""
    slow = _slow_commits(before, load, policy)
    if load.backlog == 0 or load.done is None:
        return SinkView(slow_commits=slow)
    view = replace(before, busy=_busy(before.busy, load, workers, learned, now), slow_commits=slow)
    if view.busy is None:
        return view
    seconds, done = now - view.busy.since, learned.samples[-1].done - view.busy.done
    if seconds < JUDGED_SECONDS or done < JUDGED_BATCHES:
        return view
    level = Level(view.busy.workers, done / seconds, now)
    return _judged(replace(view, busy=None), level)


def ceiling(view: SinkView, current: int, policy: Policy, learned: Learned, now: float) -> Ceiling | None:
    """How many workers the sink lets have any use; None: as many as are wanted."""
    if view.slow_commits is not None:
        slow = f"a commit takes {view.slow_commits:.1f} s, above maxCommitTime {policy.max_commit_seconds:g} s"
        return Ceiling(max(current, 1), f"{slow}: none added")
    if view.cap is not None and view.before_cap is not None:
        low, high = view.before_cap, view.cap
        more = 0 if now - high.at < CAP_SECONDS else 1
        rates = (
            f"from {low.workers} to {high.workers} workers it went from {low.rate:.2g} to {high.rate:.2g} per second"
        )
        return Ceiling(high.workers + more, f"the sink takes no more: {rates}")
    usual, pace = learned.usual_seconds, learned.pace.seconds_per_batch
    if current == 0 or usual is None or pace < SLOW_FACTOR * usual:
        return None
    why = f"a batch takes {pace:.2g} s instead of {usual:.2g} s: workers are added by halves, to see what it brings"
    judged = view.level is not None and view.level.workers == current
    return Ceiling(math.ceil(current * STEP_FACTOR) if judged else current, why)


def _slow_commits(before: SinkView, load: Load, policy: Policy) -> float | None:
    calm = policy.max_commit_seconds * (CALM_FACTOR if before.slow_commits is not None else 1.0)
    return load.commit_seconds if load.commit_seconds is not None and load.commit_seconds > calm else None


def _busy(before: Busy | None, load: Load, workers: Workers, learned: Learned, now: float) -> Busy | None:
    if not 0 < workers.wanted <= workers.ready or load.backlog <= load.in_flight:
        return None
    if before is not None and before.workers == workers.wanted:
        return before
    return Busy(workers.wanted, now, learned.samples[-1].done)


def _judged(view: SinkView, level: Level) -> SinkView:
    """Compare a new level with the last one of fewer workers."""
    low, cap = view.level, view.cap
    if cap is not None and level.rate > BETTER_FACTOR * cap.rate:
        view = replace(view, cap=None, before_cap=None)
    if low is None or low.workers >= level.workers:
        return replace(view, level=level)
    gain = (level.rate / low.rate - 1) / (level.workers / low.workers - 1) if low.rate else 1.0
    if gain < GAIN_WANTED:
        return replace(view, level=level, cap=level, before_cap=low)
    return replace(view, level=level, cap=None, before_cap=None)
