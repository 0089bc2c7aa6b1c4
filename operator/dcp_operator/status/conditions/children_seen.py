"""ChildrenSeen: whether the API server lets the operator see every kind of child in this namespace."""

from __future__ import annotations

from dcp_operator.status.seen import Found, Observed

TYPE = "ChildrenSeen"


def found(seen: Observed) -> Found:
    """What is not seen is neither made nor mended, and nothing else suffers by it."""
    if not seen.unseen:
        return Found("True", "AllSeen", "every kind of child is listed and watched")
    kinds = ", ".join(f"{kind} (HTTP {status})" for kind, status in sorted(seen.unseen.items()))
    not_served = set(seen.unseen.values()) == {404}
    what = "its CRD is not served" if not_served else "give the operator's account its rights here"
    reason = "NotServed" if not_served else "Forbidden"
    return Found("False", reason, f"cannot be listed, and is left as it is: {kinds}; {what}")
