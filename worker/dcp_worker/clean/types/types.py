"""Text to typed values, a column at a time: null where the text is not of the type.

moments.py has date, time and datetime; addresses.py has ip.
"""

from __future__ import annotations

import polars as pl

from dcp_pipeline.spec.model import Field, FieldType
from dcp_worker.clean.types.addresses import parse_addresses
from dcp_worker.clean.types.decimals import exact_parser
from dcp_worker.clean.types.moments import moment_parser
from dcp_worker.clean.types.numbers import is_plain, plain_steps
from dcp_worker.clean.types.parsing import Parser, Step
from dcp_worker.ground.errors import PlanError

POLARS_TYPES: dict[FieldType, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "decimal": pl.String(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "time": pl.Time(),
    "datetime": pl.Datetime("us"),
    "ip": pl.String(),
}

DESCRIPTIONS: dict[FieldType, str] = {
    "string": "text",
    "integer": "a whole number of at most 64 bits with its sign",
    "number": "a finite decimal number",
    "decimal": "a finite decimal number",
    "boolean": "a boolean",
    "date": "a date between the years 1000 and 9999",
    "time": "a time of day",
    "datetime": "a date and time between the years 1000 and 9999",
    "ip": "an IPv4 or IPv6 address",
}


def polars_type(field: Field, exact: bool) -> pl.DataType:
    """Of the field's values; `exact` numbers are kept as their digits (decimals.py)."""
    return pl.String() if exact else POLARS_TYPES[field.type]


def parser(field: Field, path: str, exact: bool = False) -> Parser:
    """The field's parser.

    Raises PlanError naming the setting below `path` that cannot be followed.
    """
    if field.format is not None and field.type not in ("date", "time", "datetime"):
        raise PlanError(f"{path}.format", f"a {field.type} field has no format")
    if exact or field.type == "decimal":
        return exact_parser(field)
    match field.type:
        case "string":
            return Parser(())
        case "integer":
            return Parser(_as_written(field, _integer))
        case "number":
            return Parser((*_as_written(field, _number), _finite))
        case "boolean":
            return Parser((_boolean(field, path),))
        case "ip":
            return parse_addresses
        case _:
            return moment_parser(field, path)


def expected(field: Field) -> str:
    """What the field's values look like, for a reject's reason."""
    text = "a whole number" if field.wide else DESCRIPTIONS[field.type]
    if field.type == "boolean":
        allowed = ", ".join(map(repr, (*field.true_values, *field.false_values)))
        return f"{text} ({allowed})"
    if field.formats:
        return f"{text} in one of the formats {', '.join(map(repr, field.formats))}"
    return f"{text} in the format {field.format!r}" if field.format is not None else text


def _integer(text: pl.Expr) -> pl.Expr:
    # The cast accepts exactly an optional sign and ASCII digits, within 64 bits.
    return text.cast(pl.Int64, strict=False)


def _number(text: pl.Expr) -> pl.Expr:
    # The cast accepts signs, decimals and exponents, but inf and nan as well.
    return text.cast(pl.Float64, strict=False)


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)


def _as_written(field: Field, parse: Step) -> tuple[Step, ...]:
    return (parse,) if is_plain(field) else (*plain_steps(field), parse)


def _boolean(field: Field, path: str) -> Step:
    both = sorted(set(field.true_values) & set(field.false_values))
    if both:
        raise PlanError(f"{path}.falseValues", f"{both[0]!r} is among the trueValues too")
    words = {**dict.fromkeys(field.true_values, True), **dict.fromkeys(field.false_values, False)}

    def parse(text: pl.Expr) -> pl.Expr:
        return text.replace_strict(words, default=None, return_dtype=pl.Boolean)

    return parse
