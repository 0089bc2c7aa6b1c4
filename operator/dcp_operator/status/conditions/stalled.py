"""Stalled: kstatus' word (Flux, kpt, Argo CD) for what does not go on by itself."""

from __future__ import annotations

from dcp_operator.status.seen import UNDERWAY, Found, Observed

TYPE = "Stalled"


def found(seen: Observed) -> Found:
    """Whether somebody has to do something: a spec, a Secret, a right, an image."""
    if seen.refusal is not None and seen.refusal.reason not in UNDERWAY:
        return Found("True", seen.refusal.reason, seen.refusal.message)
    if (why := seen.failing) is not None:
        return Found("True", "PodsFailing", why)
    return Found("False", "GoesOn", "nothing waits for a person")
