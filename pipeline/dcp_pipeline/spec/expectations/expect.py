"""The words of `expect`: what a pipeline's owner counts on. ledger/looking/expectations.py judges whether it is met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.units import Duration

PERCENT_PATTERN = r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?) ?%$"
Percent = Annotated[str, Meta(pattern=PERCENT_PATTERN)]
LEAST_WINDOWS, MOST_WINDOWS = 2, 60
"""How many times `per` goes into `against`."""


class Volume(Part, frozen=True):
    """So many records in so much time, over all sources; or not so many less than it used to be."""

    min: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Least records.")] = None
    per: Annotated[Duration, Meta(description="Within so long, up to now.")] = Duration("24h")
    drop: Annotated[
        Percent | None,
        Meta(description="Most that may be missing, such as 50%, of what is usual: the median of `against`."),
    ] = None
    against: Annotated[
        Duration | None, Meta(description="So long before: cut into pieces of `per`, each counted; 7 times per.")
    ] = None

    @property
    def most_dropped(self) -> float | None:
        """As a share of 1."""
        return share(self.drop)

    @property
    def windows(self) -> int:
        """How many pieces of `per` are looked at besides the present one."""
        if self.drop is None:
            return 0
        return 7 if self.against is None else int(self.against.seconds // self.per.seconds)


class Expect(Part, frozen=True):
    """What is counted on; what is not given is not judged."""

    new_data_within: Annotated[
        Duration | None,
        Meta(description="Each source brings records that were not known before at least this often."),
    ] = None
    records: Annotated[Volume | None, Meta(description="How many records come.")] = None
    max_rejected: Annotated[
        Percent | None,
        Meta(description="Most records of an object that may be rejected, such as 5%; of those settled within a day."),
    ] = None

    when_rejected: Annotated[
        Literal["warn", "hold"],
        Meta(description="What then: warn, or hold the object until a person says `dcp objects release` or `drop`."),
    ] = "warn"

    unusual: Annotated[
        bool,
        Meta(
            description="Each source's records a day, and of each field the share that is missing and the number of "
            "distinct values, are as in the weeks before."
        ),
    ] = False

    @property
    def most_rejected(self) -> float | None:
        """As a share of 1."""
        return share(self.max_rejected)


def share(percent: str | None) -> float | None:
    """5 % as 0.05."""
    return None if percent is None else float(percent.rstrip(" %")) / 100


def expect_problems(expect: Expect | None) -> Iterator[SpecProblem]:
    """What the types cannot say."""
    if expect and expect.when_rejected == "hold" and expect.max_rejected is None:
        yield SpecProblem(path_of(("spec", "expect", "whenRejected")), "is for maxRejected, which is not set")
    volume = expect.records if expect else None
    if volume is None:
        return
    place = ("spec", "expect", "records")
    if volume.min is None and volume.drop is None:
        yield SpecProblem(path_of(place), "says nothing: min or drop is wanted")
    if volume.per.seconds <= 0:
        yield SpecProblem(path_of((*place, "per")), "is 0; more than that is wanted")
    elif volume.against is not None and volume.drop is None:
        yield SpecProblem(path_of((*place, "against")), "is for drop, which is not set")
    elif volume.drop is not None and not LEAST_WINDOWS <= volume.windows <= MOST_WINDOWS:
        yield SpecProblem(
            path_of((*place, "against")),
            f"is {volume.against}: {LEAST_WINDOWS} to {MOST_WINDOWS} times per ({volume.per}) is wanted",
        )
