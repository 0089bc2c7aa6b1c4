"""Expected: whether what the spec expects of its data is met, as the fetcher finds in the ledger."""

from __future__ import annotations

from dcp_operator.status.seen import Found, Observed, told_by_the_fetcher

TYPE = "Expected"

_REASONS = {
    "newDataWithin": "SourceQuiet",
    "records": "TooFewRecords",
    "maxRejected": "TooManyRejects",
    "unusual": "Unusual",
}


def found(seen: Observed) -> Found:
    """What is not met, with the reason in numbers; in one word where all is of one kind."""
    report = told_by_the_fetcher(seen)
    if isinstance(report, Found):
        return report
    if report.expected is None:
        return Found("Unknown", "NotJudged", "the fetcher could not ask the ledger yet")
    if not report.expected:
        return Found("True", "NothingExpected", "the spec expects nothing: see spec.expect")
    missed = [each for each in report.expected if not each.met]
    if not missed:
        return Found("True", "AsExpected", f"all is as expected: {', '.join(each.about for each in report.expected)}")
    kinds = {_REASONS.get(each.about.partition("/")[0], "NotMet") for each in missed}
    message = "; ".join(f"{each.about}: {each.reason}" for each in missed)
    return Found("False", kinds.pop() if len(kinds) == 1 else "SeveralNotMet", message)
