"""Values beside those that the spec names: as numbers of their type, or, where they are kept as digits, exactly."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.checks.bounds import Bound, read_bound, read_member
from dcp_worker.clean.types.decimals import compared, exact_text, padding
from dcp_worker.clean.types.types import POLARS_TYPES
from dcp_worker.ground.errors import PlanError

Given = int | float | str | bool
Relation = Callable[[Any, Any], Any]
"""operator.lt and its like."""


def compare(field: Field, relation: Relation, given: Given, path: str, exact: bool) -> pl.Expr:
    """Whether the field's values stand in this relation to a value of the spec's.

    Raises PlanError naming `path` where that is not of the field's type.
    """
    value = pl.col(field.name)
    if exact:
        return compared(value, _digits(given, field, path), relation)
    compared_: pl.Expr = relation(value, literal_of(read_bound(given, field, path), field))
    return compared_


def equal(field: Field, given: Given, path: str, exact: bool) -> pl.Expr:
    """Whether the field's values are this one."""
    if exact:
        return compare(field, operator.eq, given, path, exact)
    return pl.col(field.name) == literal_of(read_member(given, field, path), field)


def member_of(given: Given, field: Field, path: str, exact: bool) -> Bound:
    """A value of `enum` or `in`, as the field's values are.

    Raises PlanError naming `path` where it is not of the field's type.
    """
    if not exact:
        return read_member(given, field, path)
    text: str = pl.select(
        padding(field.scale if field.type == "decimal" else 0)(pl.lit(_digits(given, field, path)))
    ).item()
    return text


def literal_of(bound: Bound, field: Field) -> pl.Expr:
    """A bound as an expression."""
    # A whole number may be compared with 0.5: such a bound keeps its own type.
    fraction = field.type == "integer" and isinstance(bound, float)
    return pl.lit(bound, dtype=pl.Float64() if fraction else POLARS_TYPES[field.type])


def _digits(given: Given, field: Field, path: str) -> str:
    text = None if isinstance(given, bool) else exact_text(given)
    if text is None:
        raise PlanError(path, f"{given!r} is not a value of a {field.type} field")
    return text
