"""The values of a scaling decision: what was observed, what is asked for, what came of it, what is remembered.

All are frozen. Times are monotonic seconds of whoever asks, the same clock throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

PRIOR_SECONDS = 1.0
"""How long a batch is taken to last until some were seen."""
PRIOR_BATCHES = 3.0
"""How many seen batches that assumption is worth."""
PRIOR_STARTUP_SECONDS = 3.0


@dataclass(frozen=True)
class Load:
    """What the queue holds and how it moves, in batches."""

    backlog: int
    """Not yet done: ready, scheduled and in flight."""
    in_flight: int
    """Those of the backlog that a worker holds."""
    done: int | None = None
    """Batches done so far by all workers, counted from any moment. One that is smaller than before starts anew; None
    where nobody counts: no rate is learned then."""
    commit_seconds: float | None = None
    """Mean time of the sink's recent commits; None while unknown."""


@dataclass(frozen=True)
class Unread:
    """The queue cannot be read, and for how long not."""

    seconds: float


@dataclass(frozen=True)
class Workers:
    """What the worker Deployment says: spec.replicas and status.readyReplicas."""

    wanted: int
    ready: int


@dataclass(frozen=True)
class Bounds:
    """How many workers there may be; `fallback` is the least while the queue cannot be read."""

    least: int
    most: int
    fallback: int


@dataclass(frozen=True)
class Step:
    """At most so many workers (Pods) or so many percent of them (Percent) more or fewer within a period."""

    kind: Literal["Pods", "Percent"]
    value: int
    period_seconds: float


@dataclass(frozen=True)
class Rules:
    """HPA v2's words for one direction. No steps: no limit. `window_seconds` None: the learned startup time."""

    window_seconds: float | None = 0.0
    steps: tuple[Step, ...] = ()
    select: Literal["Max", "Min", "Disabled"] = "Max"
    tolerance: float = 0.0
    """A wish that differs from the present number by no more than this share of it is not followed."""


@dataclass(frozen=True)
class Policy:
    """What a backlog calls for: a worker for each `backlog_per_worker`, or else enough for `drain_within_seconds`."""

    concurrency: int
    """Batches that one worker holds at a time."""
    drain_within_seconds: float = 20.0
    backlog_per_worker: int | None = None
    cooldown_seconds: float = 10.0
    """How long the last worker stays once nothing is left."""
    max_commit_seconds: float = 5.0
    """Past this mean time of a commit no worker is added."""
    up: Rules = Rules()
    down: Rules = Rules(window_seconds=None)


class Cause(StrEnum):
    """Why it is this many, in one word for programs: the reason of the ScalingActive condition."""

    EMPTY = "QueueEmpty"
    FOLLOWING = "FollowingBacklog"
    IN_FLIGHT = "BatchesInFlight"
    MINIMUM = "AtMinReplicas"
    MAXIMUM = "AtMaxReplicas"
    COOLDOWN = "CoolingDown"
    WINDOW = "Stabilizing"
    RATE = "RateLimited"
    SINK = "SinkSaturated"
    HELD = "QueueUnreachable"


@dataclass(frozen=True)
class Wish:
    """What would have been best at a time."""

    at: float
    replicas: int


@dataclass(frozen=True)
class Change:
    """A change that was decided on."""

    at: float
    before: int
    after: int


@dataclass(frozen=True)
class Rise:
    """Pods on their way, as they were when last looked at."""

    begun: float
    after: int
    """Workers wanted since."""
    pods: int
    missing: int
    """Of those, how many were not ready."""
    at: float
    waited: float = 0.0
    """Pod-seconds that were waited for them so far."""


@dataclass(frozen=True)
class Sample:
    """One look at the queue. `done` is counted by learning.py: it never goes back."""

    at: float
    backlog: int
    in_flight: int
    done: int


@dataclass(frozen=True)
class Pace:
    """How long batches take, as a Gamma distribution's mean: (prior + seconds in hand) / (prior + done)."""

    slot_seconds: float = 0.0
    """Seconds that batches were in hand, summed up over those in flight; older ones fade out."""
    done: float = 0.0

    @property
    def seconds_per_batch(self) -> float:
        return (PRIOR_SECONDS * PRIOR_BATCHES + self.slot_seconds) / (PRIOR_BATCHES + self.done)

    @property
    def known(self) -> bool:
        return self.done >= PRIOR_BATCHES


@dataclass(frozen=True)
class Learned:
    """What the queue's history told."""

    samples: tuple[Sample, ...] = ()
    """Of the last minute."""
    counter: int | None = None
    """Load.done as it was last seen."""
    pace: Pace = Pace()
    usual_seconds: float | None = None
    """How long a batch takes over the long run: what a slow sink is noticed by."""
    startup_seconds: float = PRIOR_STARTUP_SECONDS
    starting: Rise | None = None
    """Whose pods were not all ready when last looked."""


@dataclass(frozen=True)
class Level:
    """How fast so many workers were, all of them busy."""

    workers: int
    rate: float
    """Batches per second."""
    at: float


@dataclass(frozen=True)
class Busy:
    """Since when so many workers have all been there and busy, and Sample.done at that time."""

    workers: int
    since: float
    done: int


@dataclass(frozen=True)
class SinkView:
    """What was found about the sink."""

    busy: Busy | None = None
    level: Level | None = None
    """The last that was measured."""
    cap: Level | None = None
    """The one that more workers led to, and that was hardly better than the one before it."""
    before_cap: Level | None = None
    slow_commits: float | None = None
    """The mean time of a commit, while it is too long."""


@dataclass(frozen=True)
class Memory:
    """What a decision needs to know of the time before; Decision.memory, passed in again. Memory() at first."""

    wishes: tuple[Wish, ...] = ()
    changes: tuple[Change, ...] = ()
    active_at: float | None = None
    """When the queue was last seen to hold something."""
    learned: Learned = field(default_factory=Learned)
    sink: SinkView = SinkView()


@dataclass(frozen=True)
class Decision:
    """How many, why, and what is to be remembered for the next decision."""

    replicas: int
    reason: str
    cause: Cause
    memory: Memory
