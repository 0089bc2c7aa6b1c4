"""Row filters: which records are left out, as conditions on fields. docs/rules.md has examples."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.part import Part

Scalar = int | float | str | bool
Conditions = Annotated[tuple["Condition", ...], Meta(min_length=1, max_length=64)]


class Compare(Part, frozen=True):
    """Bounds of a number, date or time; as the field writes it in ISO 8601."""

    minimum: Annotated[int | float | str | None, Meta(description="This or more.")] = None
    maximum: Annotated[int | float | str | None, Meta(description="This or less.")] = None
    exclusive_minimum: Annotated[int | float | str | None, Meta(description="More than this.")] = None
    exclusive_maximum: Annotated[int | float | str | None, Meta(description="Less than this.")] = None


class Condition(Part, frozen=True):
    """A field and exactly one test of its value, or one of all, any and not. What is missing meets no test but that."""

    field: Annotated[Annotated[str, Meta(max_length=64)] | None, Meta(description="The field.")] = None
    equals: Annotated[int | float | str | bool | None, Meta(description="It is this value.")] = None
    in_: Annotated[
        Annotated[tuple[Scalar, ...], Meta(min_length=1, max_length=1000)] | None,
        Meta(description="It is one of these values."),
    ] = msgspec.field(default=None, name="in")
    matches: Annotated[
        Annotated[str, Meta(min_length=1, max_length=1024)] | None,
        Meta(description="A part of it matches this regular expression (Rust's syntax, linear time)."),
    ] = None
    cidr: Annotated[
        Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(min_length=1, max_length=1000)]
        | None,
        Meta(description="It is an address in one of these networks."),
    ] = None
    compare: Annotated[Compare | None, Meta(description="It is within these bounds.")] = None
    missing: Annotated[bool | None, Meta(description="true: there is no value. false: there is one.")] = None
    all: Annotated[Conditions | None, Meta(description="Every one of these holds.")] = None
    any: Annotated[Conditions | None, Meta(description="At least one of these holds.")] = None
    not_: Annotated[Condition | None, Meta(description="This does not hold.")] = msgspec.field(default=None, name="not")

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The conditions inside it."""
        return (*(self.all or ()), *(self.any or ()), *((self.not_,) if self.not_ is not None else ()))


class Filter(Part, frozen=True):
    """Which records are left out and counted as filtered: exactly one of drop and keep."""

    drop: Annotated[Condition | None, Meta(description="Leave out the records for which this holds.")] = None
    keep: Annotated[Condition | None, Meta(description="Leave out the records for which this does not hold.")] = None
