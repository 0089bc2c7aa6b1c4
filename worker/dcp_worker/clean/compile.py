"""The fields of a spec, compiled: the stages in which their texts are made, their types and their checks.

spec/order.py says which come after the enrichment. plan.py runs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from dcp_pipeline.spec.checking.order import filled_by_enrichment, late_fields, ordered, reads_of
from dcp_pipeline.spec.model import Cleaning, Field
from dcp_worker.clean.checks.checks import checks_of
from dcp_worker.clean.columns import Checks, Column, Part
from dcp_worker.clean.outside import Outside
from dcp_worker.clean.prepare import TextPlanner, text_column
from dcp_worker.clean.transforms.change import Change
from dcp_worker.clean.transforms.compile import compiled
from dcp_worker.clean.types.types import parser
from dcp_worker.ground.limits import ColumnLimit


class CompiledFields(msgspec.Struct, frozen=True):
    """All columns in the spec's order, and the two parts in which they are made: before the enrichment, and after."""

    columns: tuple[Column, ...]
    early: Part
    late: Part
    checks: Checks

    @property
    def borrowed(self) -> list[str]:
        """The texts of early fields that late ones are made of."""
        return [name for name in self.early.texts.made if name in self.late.texts.cells]


def compile_fields(cleaning: Cleaning, limits: Mapping[str, ColumnLimit], outside: Outside) -> CompiledFields:
    """Raises PlanError naming the part of the spec that cannot be followed, and what `outside` raises."""
    reads, late = reads_of(cleaning), late_fields(cleaning)
    fields = {field.name: (number, without_default_format(field)) for number, field in enumerate(cleaning.fields)}
    filled = filled_by_enrichment(cleaning)
    early_texts = TextPlanner(cleaning.missing_values)
    given = [text_column(name) for name in fields if name not in late]
    late_texts = TextPlanner(cleaning.missing_values, filled, given)
    compiled_columns: dict[str, Column] = {}
    for name in ordered(reads):
        if name not in fields:
            continue  # an enrichment names it, and plan.py says so
        number, field = fields[name]
        path = f"spec.cleaning.fields[{number}]"
        missing = cleaning.missing_values if field.missing_values is None else field.missing_values
        changes = _changes(field, path, missing, outside)
        failures = (late_texts if name in late else early_texts).add(field, changes)
        limit = limits.get(name)
        exact = is_exact(field, limit)
        checks = checks_of(field, limit, path, failures, exact)
        compiled_columns[name] = Column(field, parser(field, path, exact), checks, exact)
    columns = tuple(compiled_columns[name] for name in fields)
    return CompiledFields(
        columns,
        Part(tuple(each for each in columns if each.field.name not in late), early_texts.texts()),
        Part(tuple(each for each in columns if each.field.name in late), late_texts.texts()),
        Checks(columns),
    )


def _changes(field: Field, path: str, missing: Sequence[str], outside: Outside) -> list[Change]:
    return [
        compiled(transform, f"{path}.transforms[{number}]", missing, outside)
        for number, transform in enumerate(field.transforms)
    ]


def is_exact(field: Field, limit: ColumnLimit | None) -> bool:
    """Whether numbers are kept as their digits: where the column keeps them so, or where there is no column whose
    type could be the reason to change them."""
    match field.type:
        case "decimal":
            return True
        case "integer":
            return field.wide or (limit is not None and limit.exact)
        case "number":
            return not field.stored or (limit is not None and limit.exact)
    return False


def without_default_format(field: Field) -> Field:
    """Frictionless' `default` is no format at all."""
    return msgspec.structs.replace(field, format=None) if field.format == "default" else field
