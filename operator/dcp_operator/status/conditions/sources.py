"""SourcesReachable: whether every source answers, as the fetcher says."""

from __future__ import annotations

from dcp_operator.status.conditions.seen import Found, Observed, stale

TYPE = "SourcesReachable"


def found(seen: Observed) -> Found:
    """Whether every source answers, as the fetcher says."""
    if seen.paused:
        return Found("Unknown", "Paused", "paused: no source is looked at")
    report = seen.queue.reports.get("fetcher") if seen.queue else None
    if report is None or stale(report, seen.now):
        return Found("Unknown", "NoReport", "the fetcher has not told lately")
    problems = [f"{name}: {problem}" for name, problem in sorted(report.sources.items()) if problem]
    if problems:
        return Found("False", "Unreachable", "; ".join(problems))
    return Found("True", "Reachable", "every source answers")
