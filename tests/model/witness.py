"""What docs/queue.md promises whoever calls the queue, checked from what callers see and nothing else.

The reference could share a mistake with the scripts; this knows neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dcp_pipeline.queue import Lease


@dataclass
class Witness:
    """Everything that callers were told so far. Times in microseconds of a clock that nobody sets."""

    lease_us: int
    live: dict[str, tuple[Lease, int]] = field(default_factory=dict)
    """By job: the lease that somebody holds, as far as he knows, and until when."""
    tokens: dict[str, set[int]] = field(default_factory=dict)
    owed: set[str] = field(default_factory=set)
    """Jobs that were taken in, and of which nobody was told yet that they are done, dead or removed."""
    finished: set[str] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)
    """Failures that were answered."""
    unanswered: dict[str, int] = field(default_factory=dict)
    """Failures of which nobody knows whether they arrived."""

    def taken_in(self, ids: Iterable[str]) -> None:
        self.owed |= set(ids)
        self.finished -= set(ids)

    def handed_out(self, leases: Iterable[Lease], now: int) -> None:
        """A claim was answered: with one holder, a token that never was, and the failures that were reported."""
        order = [lease.priority for lease in leases]
        assert order == sorted(order), f"a lower priority number goes first, not {order}"
        for lease in leases:
            held, until = self.live.get(lease.id, (lease, 0))
            again = held.token == lease.token
            assert again or now >= until, f"{lease.id} was given away {until - now} us before its lease ended"
            known = self.tokens.setdefault(lease.id, set())
            assert again or lease.token not in known, f"token {lease.token} of {lease.id} was handed out before"
            assert lease.id not in self.finished, f"{lease.id} was acknowledged, and came back"
            known.add(lease.token)
            least = self.failures.get(lease.id, 0)
            assert least <= lease.attempts <= least + self.unanswered.get(lease.id, 0)
            self.live[lease.id] = (lease, now + self.lease_us)

    def extended(self, leases: Iterable[Lease], lost: Iterable[str], now: int) -> None:
        gone = set(lost)
        for lease in leases:
            held, until = self.live.get(lease.id, (None, 0))
            if held == lease and lease.id in gone:
                assert now >= until, f"{lease.id} was lost {until - now} us before its lease ended"
            elif held == lease:
                self.live[lease.id] = (lease, now + self.lease_us)

    def let_go(self, leases: Iterable[Lease]) -> None:
        """Somebody is about to end these leases: whatever is answered, he holds them no more."""
        for lease in leases:
            if lease.id in self.live and self.live[lease.id][0].token == lease.token:
                del self.live[lease.id]

    def acknowledged(self, ids: Iterable[str]) -> None:
        """These are done, the caller was told."""
        self.owed -= set(ids)
        self.finished |= set(ids)
        self._forget_counts(ids)

    def removed(self, ids: Iterable[str]) -> None:
        """Somebody took these out, or the server lost them: whatever was known of them ends."""
        for job_id in ids:
            self.live.pop(job_id, None)
            self.owed.discard(job_id)
            self.finished.discard(job_id)
        self._forget_counts(ids)

    def _forget_counts(self, ids: Iterable[str]) -> None:
        for job_id in ids:
            self.failures.pop(job_id, None)
            self.unanswered.pop(job_id, None)
