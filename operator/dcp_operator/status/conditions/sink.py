"""SinkReachable: whether the database answers, as the pods say."""

from __future__ import annotations

from dcp_operator.status.seen import Found, Observed, stale

TYPE = "SinkReachable"


def found(seen: Observed) -> Found:
    """Whether the database answers, as the pods say."""
    reports = [each for each in (seen.queue.reports.values() if seen.queue else ()) if not stale(each, seen.now)]
    if not reports:
        return Found("Unknown", "NoReport", "no pod has told lately")
    latest = max(reports, key=lambda each: each.at)
    if latest.sink:
        return Found("False", "Unreachable", latest.sink)
    return Found("True", "Reachable", "the database answers")
