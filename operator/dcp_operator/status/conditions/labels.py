"""LabelsAsExpected: whether the latest object of every source has the labels that the spec's fields are made of."""

from __future__ import annotations

from dcp_operator.status.conditions.seen import Found, Observed, stale

TYPE = "LabelsAsExpected"


def found(seen: Observed) -> Found:
    """What is missing or new among the labels, as the fetcher says."""
    if seen.paused:
        return Found("Unknown", "Paused", "paused: no source is looked at")
    report = seen.queue.reports.get("fetcher") if seen.queue else None
    if report is None or stale(report, seen.now):
        return Found("Unknown", "NoReport", "the fetcher has not told lately")
    remarks = [f"{name}: {remark}" for name, remark in sorted(report.labels.items()) if remark]
    if remarks:
        return Found("False", "LabelsChanged", "; ".join(remarks))
    return Found("True", "AsExpected", "no label that a field needs is missing, and none is new")
