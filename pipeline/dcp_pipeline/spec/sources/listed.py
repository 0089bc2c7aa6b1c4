"""What every kind of source says of itself, and the words that all have: how it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.errors import Place, SpecProblem
from dcp_pipeline.spec.kubernetes.rule import Rule
from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.units import Duration

Growth = Literal["replace", "append"]
Settle = Annotated[
    Duration | None,
    Meta(
        description="How long a file must have stayed as it is before a last record without line end, or a file that "
        "seems cut off, is taken as it is. A tenth more than interval by default; with --once 5s at most."
    ),
]
Patterns = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=64)]


class Looked(Part, frozen=True):
    """How a source is looked at, of whatever kind it is."""

    include: Annotated[Patterns, Meta(description="Glob patterns of the file names to take; all by default.")] = ()
    exclude: Annotated[Patterns, Meta(description="Glob patterns of the file names to leave out.")] = ()
    interval: Annotated[Duration, Meta(description="How long to wait between two looks at the source.")] = Duration(
        "60s"
    )
    settle: Settle = None
    growth: Annotated[
        Growth,
        Meta(
            description="replace: a changed file is a new version and is read whole (needs cleaning.unique). "
            "append: only the new bytes of a growing file are read."
        ),
    ] = "replace"


def nothing_wrong(settings: Any, place: Place) -> Iterator[SpecProblem]:
    """Of settings whose types say all."""
    yield from ()


def not_mine(where: str) -> dict[str, Any] | None:
    """Of a kind that nobody can name on a command line."""
    return None


class Kind(msgspec.Struct, frozen=True):
    """A kind of source: its settings, what it is for people, what the settings' types cannot say.

    `rules` are the same for the API server, by their place below the settings ("": the settings themselves).
    """

    settings: type[Looked]
    does: str
    problems: Callable[[Any, Place], Iterator[SpecProblem]] = nothing_wrong
    rules: Mapping[str, tuple[Rule, ...]] = {}
    drafted: Callable[[str], dict[str, Any] | None] = not_mine
    """The settings, as people write them, for what `dcp infer` was told; None where that is of another kind."""
