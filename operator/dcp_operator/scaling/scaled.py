"""What the scaler knows of one pipeline between two looks: values, and what follows from them."""

from __future__ import annotations

import msgspec

from dcp_operator.scaling.commit_times import CommitTimes
from dcp_operator.status.seen import QueueSeen
from dcp_pipeline.observe.scaling_note import ScalingNote
from dcp_pipeline.scaling.model import Decision, Load, Unread
from dcp_pipeline.spec.kubernetes.status import ScalingDecision

KEDA_SCALES = "KedaScales"
UNREAD_SHOWN_SECONDS = 5.0
UNREAD_SHOWN_LOOKS = 2
"""In a row. Whoever has stood still for a minute himself, without CPU, finds the look that he was at overdue, and no
other."""
NOTED_FOR_SECONDS = 1200.0
"""A note is left anew after this time, well before it is forgotten."""


class Scaled(msgspec.Struct, frozen=True):
    """What is known. Times are monotonic seconds."""

    queue: QueueSeen
    read_at: float | None
    """When the queue was last read; at first, when it was first tried."""
    commits: CommitTimes
    current: int | None = None
    """The workers that the Deployment asks for; None while there is none."""
    decision: Decision | None = None
    """None while there is no Deployment, or KEDA scales it."""
    changed: ScalingDecision | None = None
    """The last decision that changed something, since this process started."""
    noted: ScalingNote | None = None
    """The last note that was left for `dcp status`."""
    refused: str | None = None
    """Why the API server did not take the last number, in its words."""
    missed: int = 0
    """Looks in a row that failed."""
    shown: QueueSeen | None = None
    """The look that the status tells of: a single one that failed on a busy machine is no news. None: none yet."""
    decided_on: tuple[object, object] | None = None
    """The target and the Deployment that the decision is of."""
    rested: bool = False
    """Whether looks since that decision found all at rest, and nothing was decided anew."""

    def rests(self, queue: QueueSeen, decided_on: tuple[object, object]) -> bool:
        """Whether a look finds a pipeline without work and without workers, as the last one did: nothing but work, or
        a change of what the decision is of, makes it another."""
        was, stats = self.decided_on, self.queue.stats
        return (
            was is not None
            and was[0] is decided_on[0]
            and was[1] is decided_on[1]
            and stats is not None
            and stats is queue.stats
            and not (stats.backlog or queue.workers or self.current or self.missed)
            and self.decision is not None
            and self.decision.replicas == 0
        )

    @property
    def to_follow(self) -> bool:
        """Whether the Deployment is to be brought to the decision."""
        return self.decision is not None and self.decision.replicas != self.current

    @property
    def to_shrink(self) -> bool:
        """Whether that means fewer workers."""
        return self.decision is not None and self.current is not None and self.decision.replicas < self.current

    @property
    def wanted(self) -> int | None:
        return self.decision.replicas if self.decision else self.current

    @property
    def cause(self) -> str:
        """Why so many, in one word."""
        return self.decision.cause.value if self.decision else KEDA_SCALES

    def note(self, at: float) -> ScalingNote | None:
        """What is to be told to `dcp status` and was not yet; `at` is in seconds since the epoch."""
        if self.wanted is None:
            return None
        reason = self.decision.reason if self.decision else "KEDA scales the workers"
        last = self.noted
        told = last is not None and (last.replicas, last.cause, last.reason) == (self.wanted, self.cause, reason)
        if told and last is not None and at - last.at < NOTED_FOR_SECONDS:
            return None
        return ScalingNote(at=at, replicas=self.wanted, cause=self.cause, reason=reason)


UNSEEN = Scaled(QueueSeen(None, None, {}), None, CommitTimes())


def shown(before: Scaled, now: Scaled, at: float) -> QueueSeen | None:
    """Of the look just taken and that of the last status, the one to tell of."""
    if now.queue.stats is not None or _seconds_unread(now, at) >= UNREAD_SHOWN_SECONDS:
        return now.queue
    return before.shown


def load_of(scaled: Scaled, now: float) -> Load | Unread:
    """What the decision is told of a queue."""
    stats = scaled.queue.stats
    if stats is None:
        return Unread(_seconds_unread(scaled, now))
    return Load(stats.backlog, stats.inflight, stats.done, scaled.commits.mean_seconds)


def _seconds_unread(scaled: Scaled, now: float) -> float:
    if scaled.missed < UNREAD_SHOWN_LOOKS or scaled.read_at is None:
        return 0.0
    return now - scaled.read_at
