"""Row filters: `drop` and `keep` as expressions over typed fields.

A filter is asked before the constraints, so that what nobody wants is no reject. But it hides nothing: where a field
that it names fails its own type or constraints, the record is rejected instead.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_

import msgspec
import polars as pl

from dcp_pipeline.spec.words.filters import Compare, Condition, Filter
from dcp_worker.clean.checks.checks import ORDERED, TEXTS
from dcp_worker.clean.checks.comparing import Relation, compare, equal, member_of
from dcp_worker.clean.checks.patterns import check_pattern
from dcp_worker.clean.columns import Column
from dcp_worker.clean.transforms.networks import Networks
from dcp_worker.clean.types.types import polars_type
from dcp_worker.formats.records import INDEX
from dcp_worker.ground.errors import PlanError

Fields = Mapping[str, Column]


class RowFilter(msgspec.Struct, frozen=True):
    """`dropped` is true for the records to leave out, and never null; None where nothing filters."""

    dropped: pl.Expr | None

    def apply(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """The records that stay, and the INDEX of those left out."""
        if self.dropped is None:
            return frame, frame[INDEX].clear()
        dropped = frame.select(self.dropped).to_series()
        return (
            (frame.filter(~dropped), frame[INDEX].filter(dropped)) if dropped.any() else (frame, frame[INDEX].clear())
        )


def compile_filters(filters: Sequence[Filter], columns: Sequence[Column]) -> RowFilter:
    """The filters as one.

    Raises PlanError naming the condition that cannot be followed.
    """
    fields = {column.field.name: column for column in columns}
    failing = {column.field.name: [check.failing for check in column.checks] for column in columns}
    dropped = []
    for number, each in enumerate(filters):
        path = f"spec.cleaning.filter[{number}]"
        if each.drop is not None:
            wanted, condition = each.drop, _condition(each.drop, fields, f"{path}.drop")
        elif each.keep is not None:
            wanted, condition = each.keep, ~_condition(each.keep, fields, f"{path}.keep")
        else:
            raise PlanError(path, "has no member")
        faults = [fault for name in _named(wanted) for fault in failing[name]]
        dropped.append(condition & ~pl.any_horizontal(faults).fill_null(False) if faults else condition)
    return RowFilter(pl.any_horizontal(dropped) if dropped else None)


def _named(condition: Condition) -> set[str]:
    own = {condition.field} if condition.field is not None else set()
    return own.union(*(_named(part) for part in condition.parts))


def _condition(condition: Condition, fields: Fields, path: str) -> pl.Expr:
    if condition.all is not None:
        return reduce(and_, _conditions(condition.all, fields, f"{path}.all"))
    if condition.any is not None:
        return reduce(or_, _conditions(condition.any, fields, f"{path}.any"))
    if condition.not_ is not None:
        return ~_condition(condition.not_, fields, f"{path}.not")
    if condition.field is None or condition.field not in fields:
        raise PlanError(f"{path}.field", f"{condition.field!r} is no field")
    return _test(condition, fields[condition.field], path).fill_null(False)


def _conditions(parts: Sequence[Condition], fields: Fields, path: str) -> list[pl.Expr]:
    return [_condition(each, fields, f"{path}[{number}]") for number, each in enumerate(parts)]


def _test(condition: Condition, column: Column, path: str) -> pl.Expr:
    field, exact = column.field, column.exact
    value = pl.col(field.name)
    if condition.missing is not None:
        return value.is_null() if condition.missing else value.is_not_null()
    if condition.equals is not None:
        return equal(field, condition.equals, f"{path}.equals", exact)
    if condition.in_ is not None:
        allowed = [member_of(each, field, f"{path}.in[{n}]", exact) for n, each in enumerate(condition.in_)]
        return value.is_in(pl.Series(allowed, dtype=polars_type(field, exact), strict=False).to_list())
    if condition.compare is not None:
        return _within(condition.compare, column, f"{path}.compare")
    if field.type not in TEXTS:
        test = "matches" if condition.matches is not None else "cidr"
        raise PlanError(f"{path}.{test}", f"is for {' and '.join(TEXTS)} fields; {field.name} is of type {field.type}")
    if condition.matches is not None:
        check_pattern(condition.matches, f"{path}.matches")
        return value.str.contains(condition.matches)
    networks = Networks.of(condition.cidr or ())
    return value.map_batches(networks.holding, return_dtype=pl.Boolean)


def _within(bounds: Compare, column: Column, path: str) -> pl.Expr:
    field = column.field
    if field.type not in ORDERED:
        raise PlanError(path, f"is for {', '.join(ORDERED)} fields; {field.name} is of type {field.type}")
    tests: dict[str, tuple[int | float | str | None, Relation]] = {
        "minimum": (bounds.minimum, operator.ge),
        "maximum": (bounds.maximum, operator.le),
        "exclusiveMinimum": (bounds.exclusive_minimum, operator.gt),
        "exclusiveMaximum": (bounds.exclusive_maximum, operator.lt),
    }
    return reduce(
        and_,
        [
            compare(field, relation, given, f"{path}.{name}", column.exact)
            for name, (given, relation) in tests.items()
            if given is not None
        ],
    )
