"""What every transform's entry in its file has: its settings, what it does, and what its types cannot say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.errors import Place, SpecProblem
from dcp_pipeline.spec.part import Part

Otherwise = Literal["keep", "missing", "reject"]
"""What becomes of a value that a transform cannot do: kept as it is, missing (NULL), or the record is rejected."""

OTHERWISE = "What becomes of a value that does not fit: keep, missing or reject."
Regex = Annotated[str, Meta(min_length=1, max_length=1024)]


class Strict(Part, frozen=True):
    """A transform that may fail, without settings of its own."""

    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "reject"


def nothing_wrong(settings: Any, place: Place) -> Iterator[SpecProblem]:
    """Of settings whose types say all."""
    yield from ()


class Listed(msgspec.Struct, frozen=True):
    """A transform with settings. `bare`: its name alone is a transform too, with the settings' defaults.

    `problems` yields what is wrong with settings that have the right types; `place` is where they stand.
    """

    settings: Any
    does: str
    bare: bool = False
    problems: Callable[[Any, Place], Iterator[SpecProblem]] = nothing_wrong


Steps = Mapping[str, Listed]
"""Name, as people write it: the transform."""
