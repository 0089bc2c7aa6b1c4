"""Reconciling: kstatus' word (Flux, kpt, Argo CD) for a change on its way out. Workers that come and go are none."""

from __future__ import annotations

from dcp_operator.status.seen import UNDERWAY, Found, Observed

TYPE = "Reconciling"


def found(seen: Observed) -> Found:
    """Whether pods are being renewed, or keys and books deleted."""
    if seen.refusal is not None and seen.refusal.reason in UNDERWAY:
        return Found("True", seen.refusal.reason, seen.refusal.message)
    if seen.refusal is None and (name := seen.renewing) is not None:
        return Found("True", "RollingOut", f"the {name} pods are being renewed")
    return Found("False", "Settled", "no change is on its way out")
