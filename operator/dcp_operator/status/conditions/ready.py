"""Ready: whether fetcher and workers are as the spec asks."""

from __future__ import annotations

from dcp_operator.status.conditions.seen import Found, Observed

TYPE = "Ready"


def found(seen: Observed) -> Found:
    """Whether fetcher and workers are as the spec asks."""
    if seen.refusal:
        return Found("False", seen.refusal.reason, seen.refusal.message)
    if seen.queue is not None and seen.queue.stats is None:
        return Found("False", "QueueUnreachable", f"the queue cannot be read: {seen.queue.error}")
    if seen.paused:
        return Found("True", "Paused", "paused: nothing is fetched; what was in the queue is finished")
    if seen.fetcher is None or seen.fetcher.ready < 1:
        why = seen.fetcher.failure if seen.fetcher and seen.fetcher.failure else "its pod is not ready"
        return Found("False", "FetcherNotReady", f"the fetcher: {why}")
    if seen.workers is None:
        return Found("False", "WorkersMissing", "the workers' Deployment is not there")
    if seen.workers.wanted > 0 and seen.workers.ready < 1:
        why = seen.workers.failure or "no pod is ready"
        return Found("False", "WorkersNotReady", f"the workers: {why}")
    return Found("True", "Running", "fetcher and workers are as the spec asks")
