"""Ready: whether what the spec asks for is out, and works. Workers that start from zero make nothing less ready,
workers none of whom becomes ready do."""

from __future__ import annotations

from dcp_operator.ground.names import PAUSE_ANNOTATION
from dcp_operator.status.seen import NO_WORKER, Found, Observed

TYPE = "Ready"


def found(seen: Observed) -> Found:
    """It speaks of the revision: False while pods of another one are there, or those of this one fail."""
    if seen.refusal:
        return Found("False", seen.refusal.reason, seen.refusal.message)
    if seen.held:
        return Found(
            "Unknown", "ReconciliationPaused", f"nothing is changed while the annotation {PAUSE_ANNOTATION} is true"
        )
    if seen.queue is not None and seen.queue.stats is None:
        return Found("False", "QueueUnreachable", f"the queue cannot be read: {seen.queue.error}")
    if seen.fetcher is None and not seen.paused:
        return Found("False", "FetcherNotReady", "the fetcher: its Deployment is not there")
    if seen.workers is None:
        return Found("False", "WorkersMissing", "the workers' Deployment is not there")
    if (why := seen.failing) is not None:
        return Found("False", "PodsFailing", why)
    if (name := seen.renewing) is not None:
        return Found(
            "False", "RollingOut", f"the {name} pods are being renewed: not all are of the present revision yet"
        )
    if (why := seen.no_worker) is not None:
        return Found("False", NO_WORKER, why)
    if seen.paused:
        return _resting(seen)
    if seen.fetcher is None or seen.fetcher.ready < 1:
        return Found(
            "False", "FetcherNotReady", f"the fetcher: {seen.being_made.get('fetcher', 'its pod is not ready')}"
        )
    return Found("True", "Running", "fetcher and workers are as the spec asks")


def _resting(seen: Observed) -> Found:
    """What a pipeline that fetches nothing is about: `Drained` and `Stopped` are for whoever waits for it."""
    stats = seen.queue.stats if seen.queue is not None else None
    backlog = stats.backlog if stats is not None else 0
    workers = max(seen.workers.wanted, seen.workers.replicas) if seen.workers is not None else 0
    pods = workers + (seen.fetcher.replicas if seen.fetcher is not None else 0)
    if seen.state == "Stopped":
        if pods or not seen.at_rest:
            return Found("True", "Stopping", f"{pods or 'the last'} pods finish what is in their hands")
        return Found("True", "Stopped", f"stopped: no pod works; {backlog} batches wait in the queue")
    if backlog or pods:
        return Found(
            "True", "Draining", f"nothing is fetched; {backlog} batches are to be finished, by {workers} workers"
        )
    if not seen.at_rest:
        return Found("True", "Draining", "nothing is fetched; the last pods finish what is in their hands")
    return Found("True", "Drained", "nothing is fetched, the queue is empty, and no pod works")
