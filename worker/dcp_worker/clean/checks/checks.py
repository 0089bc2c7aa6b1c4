"""What a typed value must hold to, as expressions: first the field's constraints, then its column's limits.

A check's expression is true where the value is at fault; null counts as no fault. Checks stand in the order in
which a record's first failure is looked for. bounds.py reads the constraints' values.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial

import msgspec
import polars as pl

from dcp_pipeline.spec.model import Constraints, Field
from dcp_worker.clean.checks.comparing import compare, member_of
from dcp_worker.clean.checks.patterns import check_pattern
from dcp_worker.clean.prepare import Failure, text_column
from dcp_worker.clean.types.decimals import rounded, too_long
from dcp_worker.clean.types.moment_faults import moment_fault
from dcp_worker.clean.types.types import expected, polars_type
from dcp_worker.ground.errors import PlanError
from dcp_worker.ground.limits import ColumnLimit

SHOWN_CHARS = 80
_SINGLE_DIGITS = 6
"""Of any decimal number, that come back from 32 bits as they went in (FLT_DIG)."""
TEXTS = ("string", "ip")
ORDERED = ("integer", "number", "decimal", "date", "time", "datetime")


class Check(msgspec.Struct, frozen=True):
    """`complaint` ends the sentence that the value begins: `"99999" is more than ...`. `shows` is its column."""

    code: str
    failing: pl.Expr
    complaint: str
    shows: str
    explain: Callable[[str], str | None] | None = None
    """What else there is to say of a value."""

    def reason(self, text: str | None) -> str:
        """Why the value was refused: shows it, shortened, and what is allowed."""
        if text is None:
            return self.complaint
        why = self.explain(text) if self.explain else None
        return f"{shown(text)} {self.complaint}" + (f": {why}" if why else "")


def shown(text: str) -> str:
    """The value as people see it: quoted, control characters escaped, at most SHOWN_CHARS of it."""
    if len(text) > SHOWN_CHARS:
        return f"{json.dumps(text[:SHOWN_CHARS], ensure_ascii=False)}... ({len(text)} characters)"
    return json.dumps(text, ensure_ascii=False)


def checks_of(
    field: Field, limit: ColumnLimit | None, path: str, failures: Iterable[Failure] = (), exact: bool = False
) -> tuple[Check, ...]:
    """The field's checks in order: transforms, type, constraints, column.

    Raises PlanError for constraints that cannot be checked.
    """
    value, text, shows = pl.col(field.name), pl.col(text_column(field.name)), text_column(field.name)
    checks = [_transform_check(failure) for failure in failures]
    if field.type != "string":
        wrong = text.is_not_null() & value.is_null()
        explain = partial(moment_fault, field=field) if field.type in ("date", "time", "datetime") else None
        checks.append(Check("type-error", wrong, f"is not {expected(field)}", shows, explain))
    breaches = [*_constraints(field, f"{path}.constraints", exact)]
    breaches += _digits(field, field.precision - field.scale, field.scale, "scale and precision")
    if field.type == "number" and not exact:
        complaint = "has more digits than a 64-bit float, which is what the column holds (type decimal keeps them)"
        breaches.append((rounded(text, value, field), complaint))
    breaches += _limits(field, limit, exact) if limit is not None else ()
    return (*checks, *(Check("constraint-error", failing, complaint, shows) for failing, complaint in breaches))


def _transform_check(failure: Failure) -> Check:
    failing = pl.col(failure.before).is_not_null() & pl.col(failure.after).is_null()
    complaint = f"{failure.change.complaint} (transforms[{failure.number}])"
    return Check("transform-error", failing, complaint, failure.before)


Breach = tuple[pl.Expr, str]


def _constraints(field: Field, path: str, exact: bool) -> Iterator[Breach]:
    rules, value = field.constraints, pl.col(field.name)
    if rules.required:
        yield value.is_null(), "a value is required"
    _check_applicable(field, path)
    if rules.min_length is not None:
        yield value.str.len_chars() < rules.min_length, f"has fewer than {rules.min_length} characters"
    if rules.max_length is not None:
        yield value.str.len_chars() > rules.max_length, f"has more than {rules.max_length} characters"
    yield from _range(field, path, exact)
    if rules.pattern is not None:
        whole = _whole_match(rules.pattern, f"{path}.pattern")
        yield ~value.str.contains(whole), f"does not match the pattern {rules.pattern}"
    if rules.enum is not None:
        allowed = [member_of(each, field, f"{path}.enum[{n}]", exact) for n, each in enumerate(rules.enum)]
        listed = shown(", ".join(map(str, rules.enum)))
        members = pl.Series(allowed, dtype=polars_type(field, exact), strict=False)
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


def _range(field: Field, path: str, exact: bool) -> Iterator[Breach]:
    rules = field.constraints
    if rules.minimum is not None:
        failing = compare(field, operator.lt, rules.minimum, f"{path}.minimum", exact)
        yield failing, f"is less than the minimum {rules.minimum}"
    if rules.maximum is not None:
        failing = compare(field, operator.gt, rules.maximum, f"{path}.maximum", exact)
        yield failing, f"is more than the maximum {rules.maximum}"


def _digits(field: Field, digits: int, scale: int, whose: str, always: bool = False) -> Iterator[Breach]:
    """Exact numbers that do not fit: a decimal's own precision and scale, or a column's."""
    if field.type != "decimal" and not always:
        return
    whole, decimals = too_long(pl.col(field.name), digits, scale)
    yield decimals, f"does not fit {whose}: more than {scale} decimals"
    yield whole, f"does not fit {whose}: more than {digits} digits before the point"


def _whole_match(pattern: str, path: str) -> str:
    whole = rf"\A(?:{pattern})\z"
    check_pattern(pattern, path)
    check_pattern(whole, path)
    return whole


def _limits(field: Field, limit: ColumnLimit, exact: bool) -> Iterator[Breach]:
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
    if field.type in TEXTS and limit.members is not None:
        yield ~value.is_in(list(limit.members)), f"does not fit {column}: is none of its members"
    if field.type in TEXTS and not limit.trailing_blanks:
        yield value.str.ends_with(" "), f"does not fit {column}: it drops the blanks at the end"
    if not limit.zero:
        yield value == 0, f"does not fit {column}: it counts by itself, and would make the next number of a 0"
    if limit.single_precision:
        yield ~_survives(value), f"does not fit {column}: more than {_SINGLE_DIGITS} digits, or too large or small"
    if limit.digits is not None:
        yield from _digits(field, limit.digits, limit.scale or 0, column, always=True)
    if field.type in ("integer", "number", "decimal", "datetime"):
        yield from _number_limits(field, limit, column, exact)
    if limit.scale is not None and field.type in ("time", "datetime"):
        yield from _scale_limit(field, limit.scale, column)


def _survives(value: pl.Expr) -> pl.Expr:
    """Whether a number comes back from 32 bits, of which the server shows so many digits, as it went in."""
    stored = value.cast(pl.Float32).cast(pl.String).cast(pl.Float64)
    rounded = (value.round_sig_figs(_SINGLE_DIGITS) - value).abs() <= value.abs() * 1e-15  # itself rounded, at 1e30
    normal = (value == 0) | (value.abs() >= 1.2e-38)
    return (stored == value) & rounded & normal


def _number_limits(field: Field, limit: ColumnLimit, column: str, exact: bool) -> Iterator[Breach]:
    value = pl.col(field.name)
    for bound, failing, word in ((limit.minimum, operator.lt, "less"), (limit.maximum, operator.gt, "more")):
        if bound is None:
            continue
        if field.type == "datetime":  # a TIMESTAMP's range, in seconds since 1970
            moment = datetime.fromtimestamp(bound, UTC).replace(tzinfo=None)
            yield (
                failing(value, pl.lit(moment, dtype=pl.Datetime("us"))),
                f"does not fit {column}: {word} than {moment}",
            )
        else:
            yield compare(field, failing, bound, "", exact), f"does not fit {column}: {word} than {bound}"


def _scale_limit(field: Field, scale: int, column: str) -> Iterator[Breach]:
    value = pl.col(field.name)
    complaint = f"does not fit {column}: more than {scale} decimals"
    if scale < 6:
        microseconds = value.cast(pl.Int64)
        if field.type == "time":
            microseconds = microseconds // 1000
        yield microseconds % 10 ** (6 - scale) != 0, complaint
