"""From records to rows: the words of spec.cleaning. docs/cleaning.md and docs/rules.md tell what each means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.enrichments import KINDS
from dcp_pipeline.spec.enrichments.listed import Enriches
from dcp_pipeline.spec.part import IDENTIFIER_PATTERN, Part
from dcp_pipeline.spec.transforms import Transform
from dcp_pipeline.spec.words.compute import Compute
from dcp_pipeline.spec.words.filters import Filter


class Constraints(Part, frozen=True):
    """Frictionless Table Schema's constraints."""

    required: Annotated[bool, Meta(description="A missing value rejects the record.")] = False
    min_length: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="Least characters.")] = None
    max_length: Annotated[Annotated[int, Meta(ge=0, le=16_000_000)] | None, Meta(description="Most characters.")] = None
    minimum: Annotated[
        int | float | str | None,
        Meta(description="Least value: a number, or a date as the field writes it in ISO 8601."),
    ] = None
    maximum: Annotated[int | float | str | None, Meta(description="Greatest value.")] = None
    pattern: Annotated[
        Annotated[str, Meta(max_length=1024)] | None,
        Meta(description="Regular expression (RE2 syntax) that the whole value matches."),
    ] = None
    enum: Annotated[
        Annotated[tuple[int | float | str | bool, ...], Meta(max_length=1000)] | None,
        Meta(description="The values allowed."),
    ] = None


FieldType = Literal["string", "integer", "number", "decimal", "boolean", "date", "time", "datetime", "ip"]


LabelsDemand = Literal["any", "superset", "exact"]


class Field(Part, frozen=True):
    """A column of the clean table, in the words of Frictionless Table Schema."""

    name: Annotated[str, Meta(description="Name of the column.", pattern=IDENTIFIER_PATTERN, max_length=64)]
    from_: Annotated[
        Annotated[str, Meta(max_length=256)]
        | Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(min_length=1, max_length=16)]
        | None,
        Meta(
            description="Label in the header, or key of the record; the name by default. Of several ([a, b]) the first "
            "that has a value."
        ),
    ] = msgspec.field(default=None, name="from")
    compute: Annotated[Compute | None, Meta(description="Other fields that it is made of, instead of a label.")] = None
    stored: Annotated[
        bool, Meta(description="false: no column of the table; for other fields, filters, enrichment and unique.")
    ] = True
    type: Annotated[FieldType, Meta(description="Type of the values.")] = "string"
    format: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(description="date, time, datetime: strptime pattern, epoch-s or epoch-ms; ISO 8601 by default."),
    ] = None
    formats: Annotated[
        tuple[Annotated[str, Meta(max_length=128)], ...],
        Meta(description="Several formats instead of one: the first that fits counts.", max_length=16),
    ] = ()
    decimal_char: Annotated[
        str, Meta(description="number, decimal: what stands before the decimals.", min_length=1, max_length=1)
    ] = "."
    group_char: Annotated[
        Annotated[str, Meta(min_length=1, max_length=1)] | None,
        Meta(description="integer, number, decimal: what may stand between thousands."),
    ] = None
    bare_number: Annotated[
        bool, Meta(description="integer, number, decimal: false lets text stand around the number: a currency, a %.")
    ] = True
    precision: Annotated[
        int, Meta(description="decimal: most digits, before and behind the point together.", ge=1, le=65)
    ] = 38
    scale: Annotated[int, Meta(description="decimal: most digits behind the point.", ge=0, le=30)] = 10
    timezone: Annotated[
        str, Meta(description="datetime: zone of values that name none. Stored in UTC.", max_length=64)
    ] = "UTC"
    true_values: Annotated[tuple[str, ...], Meta(description="boolean: what is true.", max_length=32)] = (
        "true",
        "True",
        "TRUE",
        "1",
    )
    false_values: Annotated[tuple[str, ...], Meta(description="boolean: what is false.", max_length=32)] = (
        "false",
        "False",
        "FALSE",
        "0",
    )
    missing_values: Annotated[
        Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(max_length=64)] | None,
        Meta(description="What stands for a missing value in this field, instead of cleaning.missingValues."),
    ] = None
    transforms: Annotated[
        tuple[Transform, ...], Meta(description="Applied in this order before the type.", max_length=32)
    ] = ()
    constraints: Annotated[Constraints, Meta(description="What values must hold to.")] = Constraints()
    title: Annotated[Annotated[str, Meta(max_length=256)] | None, Meta(description="For people.")] = None
    description: Annotated[Annotated[str, Meta(max_length=4096)] | None, Meta(description="For people.")] = None

    @property
    def wide(self) -> bool:
        """An integer of more than signed 64 bits, as its maximum says."""
        most = self.constraints.maximum
        return self.type == "integer" and isinstance(most, int) and most >= 2**63

    @property
    def labels(self) -> tuple[str, ...]:
        """The column's label in the header, or the record's key; or several, of which the first with a value counts."""
        if self.from_ is None:
            return (self.name,)
        return (self.from_,) if isinstance(self.from_, str) else self.from_


class _Enrichment(Part, frozen=True):
    @property
    def given(self) -> list[str]:
        """The members that are set: one, in a spec that was checked."""
        return [name for name in KINDS if getattr(self, name) is not None]

    @property
    def kind(self) -> str:
        """The member that is set."""
        return next(iter(self.given), "")

    @property
    def settings(self) -> Enriches | None:
        """Of its kind."""
        settings: Enriches | None = getattr(self, self.kind) if self.kind else None
        return settings


if TYPE_CHECKING:

    class Enrichment(_Enrichment, frozen=True):
        """One step of enrichment: exactly one member."""
else:
    Enrichment = msgspec.defstruct(
        "Enrichment",
        [(name, Annotated[each.settings | None, Meta(description=each.does)], None) for name, each in KINDS.items()],
        bases=(_Enrichment,),
        module=__name__,
        namespace={"__doc__": "One step of enrichment: exactly one member."},
        frozen=True,
        kw_only=True,
    )


class Cleaning(Part, frozen=True):
    """From records to rows."""

    fields: Annotated[tuple[Field, ...], Meta(description="The columns.", min_length=1, max_length=200)]
    missing_values: Annotated[
        tuple[Annotated[str, Meta(max_length=256)], ...],
        Meta(description="What stands for a missing value.", max_length=64),
    ] = ("",)
    labels: Annotated[
        LabelsDemand,
        Meta(
            description="What an object's labels must be: at least one of the fields' (any), all of them (superset), "
            "or all and no others (exact); else it is unavailable."
        ),
    ] = "any"
    unique: Annotated[
        tuple[str, ...], Meta(description="The record's identity: later ones are duplicates.", max_length=200)
    ] = ()
    enrich: Annotated[tuple[Enrichment, ...], Meta(description="Steps of enrichment.", max_length=16)] = ()
    filter: Annotated[
        tuple[Filter, ...], Meta(description="Which records are left out, and counted as filtered.", max_length=64)
    ] = ()

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields that are columns of the table."""
        return tuple(field for field in self.fields if field.stored)

    @property
    def ordered_by(self) -> Field | None:
        """The field of `unique` that rows are best kept in the order of: the first that is a time, else the first that
        is an integer. docs/adr/0087 says why."""
        fields = {field.name: field for field in self.fields if field.stored and not field.wide}
        named = [fields[name] for name in self.unique if name in fields]
        moments = [field for field in named if field.type in ("date", "datetime")]
        return next(iter(moments + [field for field in named if field.type == "integer"]), None)
