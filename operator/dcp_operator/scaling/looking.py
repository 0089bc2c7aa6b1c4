"""What is made of a queue's replies; of replies that are the same as the last time, the same values as then. Pure.

Most queues are idle, and say the same look after look, or nothing new but that the fetcher has reported once more. Who
gets the very same values again (`is`) need not think about them again: ADR 103.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dcp_operator.scaling.resp import Said
from dcp_operator.status.seen import QueueSeen
from dcp_pipeline.observe.look import Look, Time, look_of, reports_said

_STATS, _REPORTS, _BEATS, _VITALS = range(4)
_TOO_LONG = Said(None, None)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A queue's replies, and what was made of them."""

    said: Sequence[Said]
    seen: QueueSeen

    @property
    def lasts(self) -> bool:
        """Whether the same replies mean the same later on: not where workers live, for they die by the clock."""
        return self.seen.stats is not None and not self.seen.workers


def looked(before: LookedAt | None, time: Time, said: Sequence[Said]) -> LookedAt:
    """What the replies of now say, as far as possible in the values of the last look."""
    if before is not None and before.lasts:
        was = before.said
        if said[_STATS] is was[_STATS] and said[_BEATS] is was[_BEATS] and said[_VITALS] is was[_VITALS]:
            if said[_REPORTS] is was[_REPORTS]:
                return before
            if (reports := reports_said(said[_REPORTS].reply)) is not None:
                return LookedAt(_compared(said), QueueSeen(before.seen.stats, None, reports))
    return LookedAt(_compared(said), _seen(look_of(time, [each.reply for each in said])))


def _compared(said: Sequence[Said]) -> Sequence[Said]:
    """What is kept of the replies: those that are too long to be compared with the next are of no use."""
    return [each if each.raw is not None else _TOO_LONG for each in said]


def unread(queues: Sequence[str], error: str) -> Mapping[str, QueueSeen]:
    """None of them could be read."""
    seen = QueueSeen(None, error, {})
    return dict.fromkeys(queues, seen)


def _seen(look: Look | str) -> QueueSeen:
    if isinstance(look, Look):
        return QueueSeen(look.stats, None, look.reports, look.workers)
    return QueueSeen(None, look, {})
