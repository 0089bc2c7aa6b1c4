"""Degraded: whether pods fail, or batches were given up."""

from __future__ import annotations

from dcp_operator.status.seen import Found, Observed

TYPE = "Degraded"


def found(seen: Observed) -> Found:
    """Whether pods fail, or batches were given up."""
    failures = [
        f"the {name}: {each.failure}"
        for name, each in (("fetcher", seen.fetcher), ("workers", seen.workers))
        if each is not None and each.failure
    ]
    if failures:
        return Found("True", "PodsFailing", "; ".join(failures))
    stats = seen.queue.stats if seen.queue else None
    if stats is not None and stats.dead:
        return Found(
            "True",
            "DeadBatches",
            f"{stats.dead} batches were given up, or are held: `kubectl dcp verify` says which and why",
        )
    return Found("False", "AsExpected", "nothing is failing")
