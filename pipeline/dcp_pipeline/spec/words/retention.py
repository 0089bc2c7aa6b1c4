"""The words of `retention`: how long what was cleaned is kept. ledger/expiring/ does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.units import Duration
from dcp_pipeline.spec.words.cleaning import Cleaning

LEAST_SECONDS = 600
_LEAST_DAYS_SECONDS = 86_400
_PLACE: tuple[str | int, ...] = ("spec", "sink", "sql", "retention")


class Retention(Part, frozen=True):
    """How long rows, rejects and what is remembered of files are kept. Without it nothing is ever deleted."""

    by: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(description="Rows: the date or datetime that tells their age; the first one of cleaning.unique."),
    ] = None
    keep: Annotated[
        Duration | None, Meta(description="Rows: how long they are kept at least, by that field; 10m or more.")
    ] = None
    rejects: Annotated[
        Duration | None, Meta(description="How long rejects are kept, from the time they were refused; 10m or more.")
    ] = None
    objects: Annotated[
        Duration | None,
        Meta(
            description="How long the ledger remembers a file that its source lists no more, and of which no row and "
            "no reject is left, from when it last changed; 10m or more."
        ),
    ] = None
    dead: Annotated[
        Duration | None,
        Meta(description="How long the queue keeps the bytes of a batch that was given up; 10m or more."),
    ] = None


def retention_problems(retention: Retention | None, cleaning: Cleaning) -> Iterator[SpecProblem]:
    """What is wrong with it, beside this cleaning."""
    if retention is None:
        return
    if (retention.by is None) != (retention.keep is None):
        missing, there = ("keep", "by") if retention.keep is None else ("by", "keep")
        yield _at(f"is missing beside {there}: rows are kept for so long (keep) by a field's time (by)", missing)
    times = {name: getattr(retention, name) for name in ("keep", "rejects", "objects", "dead")}
    if retention.by is None and not any(times.values()):
        yield _at("has no member; by and keep, rejects, objects or dead are wanted")
    for name, value in times.items():
        if value is not None and value.seconds < LEAST_SECONDS:
            yield _at(f"is {value}; at least 10m is wanted", name)
    if retention.by is not None:
        yield from _by(retention.by, retention.keep, cleaning)


def _by(by: str, keep: Duration | None, cleaning: Cleaning) -> Iterator[SpecProblem]:
    first = cleaning.ordered_by
    if first is None or first.type == "integer":
        yield _at(
            f"is {by!r}, and cleaning.unique names no stored date or datetime; rows lie in the order of the first one "
            "there, and go by it",
            "by",
        )
    elif by != first.name:
        yield _at(f"is {by!r}; rows lie in the order of {first.name!r}, the first time of cleaning.unique", "by")
    elif first.type == "date" and keep is not None and keep.seconds < _LEAST_DAYS_SECONDS:
        yield _at(f"is {keep}; {by} is a date: at least 1d is wanted", "keep")


def _at(message: str, *place: str) -> SpecProblem:
    return SpecProblem(path_of((*_PLACE, *place)), message)
