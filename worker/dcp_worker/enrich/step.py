"""What a step of enrichment is for the cleaning, what makes one, and what that is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import polars as pl


class Step(Protocol):
    """One step: the field whose values are looked up, and the fields that get what is found."""

    @property
    def kind(self) -> str:
        """As the spec calls it."""
        ...

    @property
    def takes(self) -> tuple[str, ...]:
        """Types that the field may have."""
        ...

    @property
    def source(self) -> str: ...

    @property
    def targets(self) -> tuple[str, ...]: ...

    def enrich(self, values: pl.Series) -> pl.DataFrame:
        """A String column per target, null where nothing was found. Raises EnrichmentError."""
        ...


class Around(msgspec.Struct, frozen=True):
    """What an enrichment is given. `located` turns a path of the spec into a file's; `cache_folder` holds what is
    downloaded; in `volumes_folder` are the claims that the spec names: <folder>/<claimName>."""

    located: Callable[[str], Path]
    cache_folder: Path
    volumes_folder: Path


class Opener(Protocol):
    """Makes steps, and keeps what they share. Not thread-safe: whoever asks has a lock."""

    def step(self, settings: Any, place: str) -> Step:
        """The step of settings that stand at `place`. Raises EnrichmentError."""
        ...


class Kind(Protocol):
    """A file of kinds/."""

    def opener(self, around: Around) -> Opener: ...
