"""Which Events a change of the status is worth. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from dcp_operator.status.events import News
from dcp_operator.status.seen import UNDERWAY
from dcp_pipeline.spec.kubernetes.status import Condition, Status

UNUSABLE = frozenset(
    {
        "InvalidSpec",
        "SecretMissing",
        "ChildRejected",
        "ChildBlocked",
        "KedaNotEnabled",
        "QueueHostNotAllowed",
        "NoImage",
        "FinalizerRejected",
        "ForgettingFailed",
        "NotStarting",
    }
)


def news_of(status: Status, before: Status | None) -> Iterator[News]:
    """One where the pipeline becomes ready, or stops to be, or does so for another reason; one where what is expected
    is no longer met, is not met for another reason, or is met again."""
    ready, earlier = _of("Ready", status), _of("Ready", before)
    if ready is not None and not _same(ready, earlier):
        worse = (
            ready.reason not in UNDERWAY and earlier is not None and earlier.status == "True" and ready.status != "True"
        )
        kind: Literal["Normal", "Warning"] = "Warning" if worse or ready.reason in UNUSABLE else "Normal"
        yield News(kind, "Reconcile", ready.reason, ready.message)
    expected, earlier = _of("Expected", status), _of("Expected", before)
    if expected is not None and not _same(expected, earlier):
        if expected.status == "False":
            yield News("Warning", "Judge", expected.reason, expected.message)
        elif expected.status == "True" and earlier is not None and earlier.status == "False":
            yield News("Normal", "Judge", expected.reason, expected.message)


def _of(name: str, status: Status | None) -> Condition | None:
    return next((each for each in status.conditions if each.type == name), None) if status else None


def _same(now: Condition, earlier: Condition | None) -> bool:
    return earlier is not None and (earlier.status, earlier.reason) == (now.status, now.reason)
