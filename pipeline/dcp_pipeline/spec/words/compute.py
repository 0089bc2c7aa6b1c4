"""Where a field's text comes from other fields' texts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.part import Part


class Join(Part, frozen=True):
    """The texts of several fields, one after the other; those that are missing are left out."""

    fields: Annotated[tuple[str, ...], Meta(description="The fields, in their order.", min_length=1, max_length=64)]
    separator: Annotated[str, Meta(description="What stands between two.", max_length=64)] = " "


class Compute(Part, frozen=True):
    """Where a field's text comes from other fields' texts, after their transforms: exactly one member."""

    field: Annotated[Annotated[str, Meta(max_length=64)] | None, Meta(description="Another field's text.")] = None
    join: Annotated[Join | None, Meta(description="Several fields' texts in one.")] = None
    coalesce: Annotated[
        Annotated[tuple[str, ...], Meta(min_length=1, max_length=64)] | None,
        Meta(description="The first of these fields that has a text."),
    ] = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The fields that it reads."""
        if self.field is not None:
            return (self.field,)
        return self.join.fields if self.join is not None else self.coalesce or ()
