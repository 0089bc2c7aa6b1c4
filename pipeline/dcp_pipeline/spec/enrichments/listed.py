"""What every enrichment says of itself: its settings, what they read and fill, and what their types cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from dcp_pipeline.spec.errors import Place, SpecProblem
from dcp_pipeline.spec.kubernetes.rule import Rule
from dcp_pipeline.spec.part import Part


class Enriches(Part, frozen=True):
    """Settings of an enrichment."""

    @property
    def reads(self) -> str:
        """The field whose values are looked up."""
        raise NotImplementedError

    @property
    def fills(self) -> tuple[str, ...]:
        """The fields that get what is found."""
        raise NotImplementedError

    @property
    def claims(self) -> tuple[str, ...]:
        """The PersistentVolumeClaims that workers look into."""
        return ()


def nothing_wrong(settings: Any, place: Place) -> Iterator[SpecProblem]:
    """Of settings whose types say all."""
    yield from ()


class Kind(msgspec.Struct, frozen=True):
    """An enrichment: its settings, what it is for people, what the settings' types cannot say. Whether the fields are
    there is looked at for all of them.

    `rules` are the same for the API server, by their place below the settings ("": the settings themselves).
    """

    settings: type[Enriches]
    does: str
    problems: Callable[[Any, Place], Iterator[SpecProblem]] = nothing_wrong
    rules: Mapping[str, tuple[Rule, ...]] = {}
