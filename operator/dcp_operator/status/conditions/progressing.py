"""Progressing: whether pods are being renewed or scaled."""

from __future__ import annotations

from dcp_operator.status.seen import Found, Observed

TYPE = "Progressing"


def found(seen: Observed) -> Found:
    """Whether pods are being renewed or scaled."""
    if seen.waiting:
        return Found(
            "True",
            "WaitingForItsTurn",
            "a release of the operator renews the pods: others come first, or its window is closed",
        )
    for name, each in (("fetcher", seen.fetcher), ("worker", seen.workers)):
        if each is None:
            continue
        if not each.settled or each.updated < each.replicas or each.updated < each.wanted:
            return Found("True", "RollingOut", f"the {name} pods are being renewed")
        if each.replicas > each.wanted or each.ready < each.wanted:
            return Found("True", "Scaling", f"the {name} pods are becoming {each.wanted}")
    return Found("False", "Settled", "every pod is as it should be")
