"""ScalingActive: whether workers follow the backlog, and why there are as many as there are."""

from __future__ import annotations

from dcp_operator.status.seen import Found, KedaSeen, Observed, not_at_work

TYPE = "ScalingActive"


def found(seen: Observed) -> Found:
    """Whether workers follow the backlog, and why there are as many as there are."""
    if (idle := not_at_work(seen)) is not None:
        return idle
    if seen.held:
        return Found("False", "ReconciliationPaused", "workers are left as many as they are")
    if seen.keda is not None:
        return _by_keda(seen.keda)
    if seen.scaling_refused:
        return Found("False", "ScaleRejected", f"the number of workers is refused: {seen.scaling_refused}")
    return Found("True", seen.scaling_cause, seen.scaling_reason or "workers follow the backlog")


def _by_keda(keda: KedaSeen) -> Found:
    if keda.ready is None:
        return Found("Unknown", "KedaSilent", f"the ScaledObject: {keda.message}")
    if not keda.ready:
        return Found("False", "KedaNotReady", f"the ScaledObject: {keda.message}")
    return Found("True", "KedaScales", f"KEDA scales the workers: {keda.message}")
