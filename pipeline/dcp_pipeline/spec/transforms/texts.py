"""Transforms of any text: white space, case, patterns, parts, lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.errors import Place, SpecProblem, path_of
from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.problems import exactly_one, pattern_problems
from dcp_pipeline.spec.transforms.listed import OTHERWISE, Listed, Otherwise, Regex, Steps


class Replace(Part, frozen=True):
    """Replaces every match of a pattern, or every occurrence of a text."""

    pattern: Annotated[Regex | None, Meta(description="Regular expression (Rust's syntax, linear time).")] = None
    text: Annotated[Annotated[str, Meta(min_length=1, max_length=1024)] | None, Meta(description="Literal text.")] = (
        None
    )
    with_: Annotated[
        str,
        Meta(
            description="What stands in its place; of a pattern, ${1} or ${name} is what a group matched.",
            max_length=1024,
        ),
    ] = msgspec.field(default="", name="with")


class Extract(Part, frozen=True):
    """The part of the value that a group of a pattern matches, at the first match."""

    pattern: Annotated[Regex, Meta(description="Regular expression (Rust's syntax, linear time).")]
    group: Annotated[int, Meta(description="Number of the group; 0 is the whole match.", ge=0, le=99)] = 1
    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "missing"


class Split(Part, frozen=True):
    """One of the parts between separators."""

    by: Annotated[str, Meta(description="The separator, literally.", min_length=1, max_length=64)]
    take: Annotated[int, Meta(description="Which part: 1 is the first, -1 the last.", ge=-1000, le=1000)] = 1
    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "missing"


class Mask(Part, frozen=True):
    """Hides the middle of the value, a mark for each character."""

    keep_first: Annotated[int, Meta(description="Characters shown at the start.", ge=0, le=1000)] = 0
    keep_last: Annotated[int, Meta(description="Characters shown at the end.", ge=0, le=1000)] = 0
    with_: Annotated[str, Meta(description="The mark.", min_length=1, max_length=1)] = msgspec.field(
        default="*", name="with"
    )


class Truncate(Part, frozen=True):
    """Cuts the end off: exactly one of characters and bytes."""

    characters: Annotated[
        Annotated[int, Meta(ge=0, le=16_000_000)] | None, Meta(description="Most characters to keep.")
    ] = None
    bytes: Annotated[
        Annotated[int, Meta(ge=0, le=16_000_000)] | None,
        Meta(description="Most bytes of UTF-8 to keep; no character is cut in two."),
    ] = None


def _replace(rule: Replace, place: Place) -> Iterator[SpecProblem]:
    yield from exactly_one(rule, ("pattern", "text"), place)
    yield from pattern_problems(rule.pattern, (*place, "pattern"))


def _extract(rule: Extract, place: Place) -> Iterator[SpecProblem]:
    yield from pattern_problems(rule.pattern, (*place, "pattern"))


def _split(rule: Split, place: Place) -> Iterator[SpecProblem]:
    if rule.take == 0:
        yield SpecProblem(path_of((*place, "take")), "is 0; 1 is the first part, -1 the last")


def _truncate(rule: Truncate, place: Place) -> Iterator[SpecProblem]:
    yield from exactly_one(rule, ("characters", "bytes"), place)


WORDS = ("trim", "collapse", "lower", "upper", "title", "nfc", "nfkc", "stripTags", "stripControl")

STEPS: Steps = {
    "replace": Listed(Replace, "Replace matches of a pattern, or a text.", problems=_replace),
    "extract": Listed(Extract, "What a group of a pattern matches.", problems=_extract),
    "split": Listed(Split, "One of the parts between separators.", problems=_split),
    "mask": Listed(Mask, "Hide the middle of the value."),
    "truncate": Listed(Truncate, "Cut the end off.", problems=_truncate),
}
