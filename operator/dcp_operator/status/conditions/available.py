"""Available: whether work can be done now, by whichever revision."""

from __future__ import annotations

from dcp_operator.status.seen import NO_WORKER, Found, Observed, not_at_work

TYPE = "Available"


def found(seen: Observed) -> Found:
    """A rollout, or a spec that cannot be used, leaves it True as long as the former pods work."""
    if (idle := not_at_work(seen)) is not None:
        return idle
    if seen.workers is not None and seen.workers.none_ready and "worker" in seen.trouble:
        return Found("False", "WorkersFailing", f"no worker comes up: {seen.trouble['worker']}")
    if (why := seen.no_worker) is not None:
        return Found("False", NO_WORKER, why)
    if not seen.paused and (seen.fetcher is None or seen.fetcher.ready < 1):
        return Found("False", "FetcherNotReady", "the fetcher: its pod is not ready")
    return Found("True", "Working", "what arrives is fetched and cleaned")
