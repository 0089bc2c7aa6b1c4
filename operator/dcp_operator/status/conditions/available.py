"""Available: whether work can be done now, by whichever revision."""

from __future__ import annotations

from dcp_operator.status.conditions.seen import NO_WORKER, Found, Observed

TYPE = "Available"


def found(seen: Observed) -> Found:
    """A rollout, or a spec that cannot be used, leaves it True as long as the former pods work."""
    if seen.queue is None:
        return Found("Unknown", "NotYetRead", "the queue has not been looked at yet")
    if seen.queue.stats is None:
        return Found("False", "QueueUnreachable", f"the queue cannot be read: {seen.queue.error}")
    if seen.workers is None:
        return Found("False", "WorkersMissing", "the workers' Deployment is not there")
    if seen.workers.wanted > 0 and seen.workers.ready < 1 and "worker" in seen.trouble:
        return Found("False", "WorkersFailing", f"no worker comes up: {seen.trouble['worker']}")
    if (why := seen.no_worker) is not None:
        return Found("False", NO_WORKER, why)
    if not seen.paused and (seen.fetcher is None or seen.fetcher.ready < 1):
        return Found("False", "FetcherNotReady", "the fetcher: its pod is not ready")
    return Found("True", "Working", "what arrives is fetched and cleaned")
