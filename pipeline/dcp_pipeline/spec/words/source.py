"""Where records come from: the words of spec.sources. What a kind of source adds is in sources/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.part import LABEL_PATTERN
from dcp_pipeline.spec.part import Part as _Part
from dcp_pipeline.spec.sources import KINDS
from dcp_pipeline.spec.sources.listed import Growth, Looked
from dcp_pipeline.spec.units import Duration, Quantity
from dcp_pipeline.spec.words.format import Format

_Where = TypeVar("_Where", bound=Looked)


class Decompression(_Part, frozen=True):
    """Caps on what a compressed object may grow to (gzip, zstd, bzip2, xz, single-file zip)."""

    max_bytes: Annotated[Quantity, Meta(description="Bytes an object may have when decompressed.")] = Quantity("64Gi")
    max_ratio: Annotated[
        int, Meta(description="Decompressed to compressed bytes, once 64 MiB came out.", ge=1, le=100_000)
    ] = 250


class _Source(_Part, frozen=True):
    name: Annotated[str, Meta(description="Name of the source, unique here.", pattern=LABEL_PATTERN, max_length=63)]
    format: Annotated[Format, Meta(description="How the bytes become records.")] = Format()
    decompression: Annotated[Decompression, Meta(description="Caps on compressed objects.")] = Decompression()
    partial: Annotated[
        Literal["error", "accept"],
        Meta(
            description="What an answer is that says that it is only a part (a next page, a truncated listing): "
            "an error, or all that is wanted."
        ),
    ] = "error"
    priority: Annotated[
        int, Meta(description="Which batches workers take first: lower numbers do.", ge=0, le=1_000_000)
    ] = 100

    @property
    def given(self) -> list[str]:
        """The members that say where it is: one, in a spec that was checked."""
        return [name for name in KINDS if getattr(self, name) is not None]

    @property
    def kind(self) -> str:
        """The member that says where it is."""
        return next(iter(self.given), next(iter(KINDS)))

    @property
    def looked(self) -> Looked:
        """How it is looked at, and where it is: settings of its kind."""
        settings: Looked | None = getattr(self, self.kind)
        return settings or Looked()

    def where(self, settings: type[_Where]) -> _Where | None:
        """Its settings, where it is of the kind that has those."""
        return self.looked if isinstance(self.looked, settings) else None

    @property
    def growth(self) -> Growth:
        """How the source's files change."""
        return self.looked.growth

    @property
    def interval(self) -> Duration:
        """How long to wait between two looks."""
        return self.looked.interval

    @property
    def settle(self) -> Duration | None:
        """How long a file must have stayed as it is; None: as settling.py says."""
        return self.looked.settle


_SOURCE = f"Where records come from: exactly one of {' and '.join(KINDS)}."

if TYPE_CHECKING:

    class Source(_Source, frozen=True):
        """Where records come from."""
else:
    Source = msgspec.defstruct(
        "Source",
        [(name, Annotated[each.settings | None, Meta(description=each.does)], None) for name, each in KINDS.items()],
        bases=(_Source,),
        module=__name__,
        namespace={"__doc__": _SOURCE},
        frozen=True,
        kw_only=True,
    )
