"""What a typed value must hold to, as expressions: first the field's constraints, then its column's limits.

A check's expression is true where the value is at fault; null counts as no fault. Checks stand in the order in
which a record's first failure is looked for. bounds.py reads the constraints' values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec
import polars as pl

from dcp_pipeline.spec.model import Constraints, Field
from dcp_worker.clean.checks.bounds import Bound, read_bound, read_member
from dcp_worker.clean.checks.patterns import check_pattern
from dcp_worker.clean.prepare import Failure, text_column
from dcp_worker.clean.types.types import POLARS_TYPES, expected
from dcp_worker.ground.errors import PlanError
from dcp_worker.ground.limits import ColumnLimit

SHOWN_CHARS = 80
TEXTS = ("string", "ip")
ORDERED = ("integer", "number", "date", "time", "datetime")


class Check(msgspec.Struct, frozen=True):
    """`complaint` ends the sentence that the value begins: `"99999" is more than ...`. `shows` is its column."""

    code: str
    failing: pl.Expr
    complaint: str
    shows: str

    def reason(self, text: str | None) -> str:
        """Why the value was refused: shows it, shortened, and what is allowed."""
        return self.complaint if text is None else f"{shown(text)} {self.complaint}"


def shown(text: str) -> str:
    """The value as people see it: quoted, control characters escaped, at most SHOWN_CHARS of it."""
    if len(text) > SHOWN_CHARS:
        return f"{json.dumps(text[:SHOWN_CHARS], ensure_ascii=False)}... ({len(text)} characters)"
    return json.dumps(text, ensure_ascii=False)


def checks_of(
    field: Field, limit: ColumnLimit | None, path: str, failures: Iterable[Failure] = ()
) -> tuple[Check, ...]:
    """The field's checks in order: transforms, type, constraints, column.

    Raises PlanError for constraints that cannot be checked.
    """
    value, text, shows = pl.col(field.name), pl.col(text_column(field.name)), text_column(field.name)
    checks = [_transform_check(failure) for failure in failures]
    if field.type != "string":
        wrong = text.is_not_null() & value.is_null()
        checks.append(Check("type-error", wrong, f"is not {expected(field)}", shows))
    breaches = [*_constraints(field, f"{path}.constraints")]
    breaches += _limits(field, limit) if limit is not None else ()
    return (*checks, *(Check("constraint-error", failing, complaint, shows) for failing, complaint in breaches))


def _transform_check(failure: Failure) -> Check:
    failing = pl.col(failure.before).is_not_null() & pl.col(failure.after).is_null()
    complaint = f"{failure.change.complaint} (transforms[{failure.number}])"
    return Check("transform-error", failing, complaint, failure.before)


Breach = tuple[pl.Expr, str]


def _constraints(field: Field, path: str) -> Iterator[Breach]:
    rules, value = field.constraints, pl.col(field.name)
    if rules.required:
        yield value.is_null(), "a value is required"
    _check_applicable(field, path)
    if rules.min_length is not None:
        yield value.str.len_chars() < rules.min_length, f"has fewer than {rules.min_length} characters"
    if rules.max_length is not None:
        yield value.str.len_chars() > rules.max_length, f"has more than {rules.max_length} characters"
    yield from _range(field, path)
    if rules.pattern is not None:
        whole = _whole_match(rules.pattern, f"{path}.pattern")
        yield ~value.str.contains(whole), f"does not match the pattern {rules.pattern}"
    if rules.enum is not None:
        allowed = [read_member(each, field, f"{path}.enum[{number}]") for number, each in enumerate(rules.enum)]
        listed = shown(", ".join(map(str, rules.enum)))
        members = pl.Series(allowed, dtype=POLARS_TYPES[field.type], strict=False)
        yield ~value.is_in(members.to_list()), f"is none of {listed}"


def _check_applicable(field: Field, path: str) -> None:
    rules: Constraints = field.constraints
    given = {
        "minLength": (rules.min_length, TEXTS),
        "maxLength": (rules.max_length, TEXTS),
        "pattern": (rules.pattern, TEXTS),
        "minimum": (rules.minimum, ORDERED),
        "maximum": (rules.maximum, ORDERED),
    }
    for name, (setting, types) in given.items():
        if setting is not None and field.type not in types:
            raise PlanError(f"{path}.{name}", f"a {field.type} field has none; {', '.join(types)} fields do")


def _range(field: Field, path: str) -> Iterator[Breach]:
    rules, value = field.constraints, pl.col(field.name)
    if rules.minimum is not None:
        low = literal_of(read_bound(rules.minimum, field, f"{path}.minimum"), field)
        yield value < low, f"is less than the minimum {rules.minimum}"
    if rules.maximum is not None:
        high = literal_of(read_bound(rules.maximum, field, f"{path}.maximum"), field)
        yield value > high, f"is more than the maximum {rules.maximum}"


def literal_of(bound: Bound, field: Field) -> pl.Expr:
    # A whole number may be compared with 0.5: such a bound keeps its own type.
    fraction = field.type == "integer" and isinstance(bound, float)
    return pl.lit(bound, dtype=pl.Float64() if fraction else POLARS_TYPES[field.type])


def _whole_match(pattern: str, path: str) -> str:
    whole = rf"\A(?:{pattern})\z"
    check_pattern(pattern, path)
    check_pattern(whole, path)
    return whole


def _limits(field: Field, limit: ColumnLimit) -> Iterator[Breach]:
    value = pl.col(field.name)
    column = f"the column's type {limit.sql_type}"
    if not limit.nullable and not field.constraints.required:
        yield value.is_null(), "a value is needed, for the column is NOT NULL"
    if field.type in TEXTS and limit.max_chars is not None:
        complaint = f"does not fit {column}: more than {limit.max_chars} characters"
        yield value.str.len_chars() > limit.max_chars, complaint
    if field.type in TEXTS and limit.max_bytes is not None:
        complaint = f"does not fit {column}: more than {limit.max_bytes} bytes"
        yield value.str.len_bytes() > limit.max_bytes, complaint
    if field.type in ("integer", "number", "datetime"):
        yield from _number_limits(field, limit, column)
    if limit.scale is not None:
        yield from _scale_limit(field, limit.scale, column)


def _number_limits(field: Field, limit: ColumnLimit, column: str) -> Iterator[Breach]:
    value = pl.col(field.name)
    for bound, failing, word in (
        (limit.minimum, value.__lt__, "less"),
        (limit.maximum, value.__gt__, "more"),
    ):
        if bound is None:
            continue
        if field.type == "datetime":  # a TIMESTAMP's range, in seconds since 1970
            moment = datetime.fromtimestamp(bound, UTC).replace(tzinfo=None)
            yield failing(pl.lit(moment, dtype=pl.Datetime("us"))), f"does not fit {column}: {word} than {moment}"
        else:
            yield failing(literal_of(bound, field)), f"does not fit {column}: {word} than {bound}"


def _scale_limit(field: Field, scale: int, column: str) -> Iterator[Breach]:
    value = pl.col(field.name)
    complaint = f"does not fit {column}: more than {scale} decimals"
    if field.type == "number":
        yield value.round(scale) != value, complaint
    if field.type in ("time", "datetime") and scale < 6:
        microseconds = value.cast(pl.Int64)
        if field.type == "time":
            microseconds = microseconds // 1000
        yield microseconds % 10 ** (6 - scale) != 0, complaint
