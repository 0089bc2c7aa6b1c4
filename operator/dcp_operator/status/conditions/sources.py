"""SourcesReachable: whether every source answers, as the fetcher says."""

from __future__ import annotations

from dcp_operator.status.seen import Found, Observed, told_by_the_fetcher

TYPE = "SourcesReachable"


def found(seen: Observed) -> Found:
    """Whether every source answers, as the fetcher says."""
    report = told_by_the_fetcher(seen)
    if isinstance(report, Found):
        return report
    problems = [f"{name}: {problem}" for name, problem in sorted(report.sources.items()) if problem]
    if problems:
        return Found("False", "Unreachable", "; ".join(problems))
    return Found("True", "Reachable", "every source answers")
