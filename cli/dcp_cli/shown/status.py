"""`dcp status`, for people: the last objects with their times, and what is wrong, each line with what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from dcp_cli.shown.summary import COUNTS
from dcp_pipeline.ledger.looking.overview import Overview, Totals
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.observe.report import Report

LAST_OBJECTS = 10
_MOST_NAMED = 5


def object_header() -> list[str]:
    """Of the columns of object_rows."""
    return ["id", "last (UTC)", "object", "state", *COUNTS, "pending"]


def object_rows(shown: Sequence[ObjectBooks]) -> list[list[str]]:
    """A row for each of these objects."""
    return [
        [
            each.object_id[:12],
            _time(max((t for t in (each.read_at, each.settled_at) if t is not None), default=None)),
            each.uri,
            each.state.value,
            *(f"{getattr(each, name):,}" for name in COUNTS),
            f"{each.pending:,}",
        ]
        for each in shown
    ]


def sums_row(totals: Totals) -> list[str]:
    """The sums over all objects, below their rows."""
    sums = [*(f"{totals.total(name):,}" for name in COUNTS), f"{totals.pending:,}"]
    return ["", "", f"all {totals.count:,} objects", "", *sums]


def wrong(books: Overview, reports: Mapping[str, Report], spec: str, every: bool) -> list[str]:
    """What a person has to look at, worst first; nothing where all is well."""
    lines = list(_wrong(books, reports, spec))
    faulty = books.totals.gaps + books.totals.uneven + books.totals.in_state(ObjectState.UNAVAILABLE)
    unnamed = max(0, faulty - len(books.wrong))
    if every:
        return lines + ([f"and {unnamed:,} more: dcp verify {spec}"] if unnamed else [])
    left = len(lines) - _MOST_NAMED + unnamed
    if left <= 0:
        return lines
    return [*lines[:_MOST_NAMED], f"and {left:,} more: dcp status {spec} --all"]


def _wrong(books: Overview, reports: Mapping[str, Report], spec: str) -> Iterator[str]:
    for report in reports.values():
        if report.sink:
            yield f"sink: {report.sink}"
    for report in reports.values():
        for source, problem in report.sources.items():
            if problem:
                yield f"source {source}: {problem}"
    for held in books.held:
        said = f"held: {held.uri}: {held.records:,} records wait: {held.reason}"
        yield f"{said}: dcp objects release|drop {spec} {held.object_id[:12]}"
    if dead := books.totals.dead - sum(held.records for held in books.held):
        yield f"{dead:,} records are dead: dcp dead ls {spec}"
    for each in books.wrong:
        if not each.consistent:
            yield f"not balanced: {each.uri}: dcp verify {spec}"
    for each in reversed(books.unavailable):
        yield f"unavailable: {each.uri}: {each.reason}"


def _time(moment: datetime | None) -> str:
    return f"{moment:%m-%d %H:%M:%S}" if moment else ""
