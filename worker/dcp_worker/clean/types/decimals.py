"""Exact numbers: kept as their digits, so that what reaches the table is what the source wrote.

Their text is plain: a minus or nothing, no zeros before the whole part, no exponent, no zeros at the end, no point
without decimals; so equal numbers are equal texts. Fields of type decimal keep as many decimals as their scale says.
A `number` is a 64-bit float where its column is one, and `rounded` finds the values that such a column would change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal, InvalidOperation

import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.types.numbers import is_plain, plain_steps
from dcp_worker.clean.types.parsing import Parser, Step

MOST_DIGITS = 65
"""Before the point, and behind it: no database that is written to has more."""
_PLAIN = r"\A(?:\+|(?<sign>-))?0*(?<whole>[0-9]*)(?:\.(?<decimals>[0-9]*?)0*)?\z"
_PLAIN_WHOLE = r"\A(?:\+|(?<sign>-))?0*(?<whole>[0-9]*)(?<decimals>)\z"
_FLOAT_DIGITS = 15
"""Of so many significant digits every decimal number comes back from a 64-bit float as it was."""
_SMALLEST = 1e-300
"""Below it floats have fewer digits, and then none."""


def exact_parser(field: Field) -> Parser:
    """Text to exact numbers; those of an integer field have neither point nor exponent."""
    plain: tuple[Step, ...] = () if is_plain(field) else plain_steps(field)
    if field.type == "integer":
        return Parser((*plain, _parts(_PLAIN_WHOLE), _digits))
    careful = _with_exponents(plain)
    if field.type == "decimal":
        padded = padding(field.scale)
        return Parser((*plain, _parts(_PLAIN), _digits, padded), lambda text: _one_by_one(careful(text), (padded,)))
    return Parser((*plain, _parts(_PLAIN), _digits), careful)


def _parts(pattern: str) -> Step:
    return lambda text: pl.when(text.str.contains("[0-9]")).then(text).str.extract_groups(pattern)


def _one_by_one(text: pl.Series, steps: Iterable[Step]) -> pl.Series:
    for step in steps:
        text = text.to_frame("v").select(step(pl.col("v"))).to_series()
    return text


def _digits(parts: pl.Expr) -> pl.Expr:
    """The number in one text, without sign where it is 0; null where a part is too long, or where there is no digit."""
    sign, whole, decimals = (parts.struct.field(name) for name in ("sign", "whole", "decimals"))
    decimals = decimals.fill_null("")
    point = pl.when(decimals == "").then(pl.lit("")).otherwise(pl.lit("."))
    zero = (whole == "") & (decimals == "")
    minus = pl.when(zero).then(pl.lit("")).otherwise(sign.fill_null(""))
    number = pl.concat_str(minus, pl.when(whole == "").then(pl.lit("0")).otherwise(whole), point, decimals)
    short = (whole.str.len_bytes() <= MOST_DIGITS) & (decimals.str.len_bytes() <= MOST_DIGITS)
    return pl.when(short).then(number).name.keep()


def padding(scale: int) -> Step:
    """As many decimals as a DECIMAL column shows; a number that has more keeps them, for the check to find."""

    def pad(number: pl.Expr) -> pl.Expr:
        if not scale:
            return number
        point = number.str.find(".", literal=True).cast(pl.Int64)
        missing = scale - (number.str.len_bytes().cast(pl.Int64) - 1 - point)
        zeros = pl.lit("0" * scale).str.slice(0, pl.max_horizontal(missing, 0))
        return pl.when(point.is_null()).then(number + "." + "0" * scale).otherwise(number + zeros)

    return pad


def _with_exponents(plain: Sequence[Step]) -> Callable[[pl.Series], pl.Series]:
    return lambda text: pl.Series(text.name, list(map(exact_text, _one_by_one(text, plain))), dtype=pl.String)


def exact_text(written: str | int | float | None) -> str | None:
    """A number's plain text; None where it is none, or has too many digits."""
    number = _decimal(written)
    if number is None:
        return None
    digits = format(number, "f")
    if "." in digits:
        digits = digits.rstrip("0").removesuffix(".")
    whole, _, decimals = digits.removeprefix("-").partition(".")
    if len(whole.lstrip("0")) > MOST_DIGITS or len(decimals) > MOST_DIGITS:
        return None
    return digits.removeprefix("-") if number == 0 else digits


def _decimal(written: str | int | float | None) -> Decimal | None:
    # Python's Decimal takes more: underlines, other scripts' digits, NaN.
    text = "" if written is None else str(written)
    if not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        number = Decimal(text)  # all its digits, whatever the context's precision is
    except InvalidOperation:
        return None
    return number if number.is_finite() and (number == 0 or abs(number.adjusted()) <= 2 * MOST_DIGITS) else None


def compared(value: pl.Expr, bound: str, wanted: Callable[[Decimal, Decimal], bool]) -> pl.Expr:
    """Whether exact numbers stand in this relation to a bound: by their nearest floats, and where those are equal by
    all their digits."""
    exactly, nearly = Decimal(bound), float(bound)

    def compare(numbers: pl.Series) -> pl.Series:
        floats = numbers.cast(pl.Float64)
        # Rounding keeps the order: of two different floats the exact numbers stand as they do.
        below, above = wanted(Decimal(0), Decimal(1)), wanted(Decimal(1), Decimal(0))
        result = pl.select(
            pl.when(floats < nearly)
            .then(below)
            .when(floats > nearly)
            .then(above)
            .when(floats.is_not_null())
            .then(False)
        ).to_series()
        ties = (floats == nearly).fill_null(False)
        if not ties.any():
            return result
        told = [wanted(Decimal(each), exactly) for each in numbers.filter(ties)]
        return result.scatter(ties.arg_true(), pl.Series(told, dtype=pl.Boolean))

    return value.map_batches(compare, return_dtype=pl.Boolean)


def too_long(value: pl.Expr, digits: int, scale: int) -> tuple[pl.Expr, pl.Expr]:
    """Whether exact numbers have more than so many digits before the point, and behind it."""
    parts = value.str.extract_groups(r"\A-?0*(?<whole>[0-9]*)(?:\.(?<decimals>[0-9]*?)0*)?\z").struct
    whole, decimals = parts.field("whole").str.len_bytes(), parts.field("decimals").fill_null("").str.len_bytes()
    return whole > digits, decimals > scale


def rounded(text: pl.Expr, value: pl.Expr, field: Field) -> pl.Expr:
    """Whether a 64-bit float, written with as many digits as the text, is another number; false where there is none."""
    plain = () if is_plain(field) else plain_steps(field)

    def find(pair: Sequence[pl.Series]) -> pl.Series:
        written, floats = pair
        none = pl.repeat(False, len(written), dtype=pl.Boolean, eager=True)
        suspect = (written.str.len_bytes() > _FLOAT_DIGITS) | (floats.abs() < _SMALLEST) & written.str.contains("[eE]")
        places = (suspect & floats.is_not_null()).arg_true()
        if not len(places):
            return none
        texts, numbers = _one_by_one(written.gather(places), plain), floats.gather(places)
        # A program's floats are written as Polars writes them: only others need Python.
        odd = texts != numbers.cast(pl.String)
        pairs = zip(texts.filter(odd), numbers.filter(odd), strict=True)
        told = pl.Series([_is_other(*each) for each in pairs], dtype=pl.Boolean)
        return none.scatter(places, odd.scatter(odd.arg_true(), told))

    return pl.map_batches([text, value], find, return_dtype=pl.Boolean)


def _is_other(written: str, number: float) -> bool:
    exactly = Decimal(written)
    digits = "".join(map(str, exactly.as_tuple().digits)).rstrip("0")
    return Context(prec=max(1, len(digits))).create_decimal(Decimal(number)) != exactly
