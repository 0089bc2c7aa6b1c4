"""LabelsAsExpected: whether the latest object of every source has the labels that the spec's fields are made of."""

from __future__ import annotations

from dcp_operator.status.seen import Found, Observed, told_by_the_fetcher

TYPE = "LabelsAsExpected"


def found(seen: Observed) -> Found:
    """What is missing or new among the labels, as the fetcher says."""
    report = told_by_the_fetcher(seen)
    if isinstance(report, Found):
        return report
    remarks = [f"{name}: {remark}" for name, remark in sorted(report.labels.items()) if remark]
    if remarks:
        return Found("False", "LabelsChanged", "; ".join(remarks))
    return Found("True", "AsExpected", "no label that a field needs is missing, and none is new")
