"""Python's strptime patterns as a guard (what the text must look like) and a chrono format (what it means)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
import polars as pl

from dcp_worker.ground.errors import PlanError


class DatePattern(msgspec.Struct, frozen=True):
    """A compiled format. `names_zone`: its values say their own offset."""

    guard: str
    chrono: str
    names_zone: bool = False
    short_year: bool = False
    comma_fraction: bool = False


class _Directive(msgspec.Struct, frozen=True):
    guard: str
    chrono: str
    of: Literal["date", "time", "zone"]


_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"


def _names(words: str) -> str:
    return f"(?i:{words})"


def _short(words: str) -> str:
    return _names("|".join(word[:3] for word in words.split("|")))


_HOUR = "(?:2[0-3]|[01][0-9]|[0-9])"
_SIXTY = "(?:[0-5][0-9]|[0-9])"
_DIRECTIVES: Mapping[str, _Directive] = {
    "Y": _Directive("[0-9]{4}", "%Y", "date"),
    "y": _Directive("[0-9]{2}", "%y", "date"),
    "m": _Directive("(?:1[0-2]|0[1-9]|[1-9])", "%m", "date"),
    "d": _Directive("(?:3[01]|[12][0-9]|0[1-9]| ?[1-9])", "%d", "date"),
    "j": _Directive("(?:36[0-6]|3[0-5][0-9]|[12][0-9]{2}|[0-9]{1,2}|0[0-9]{2})", "%j", "date"),
    "b": _Directive(_short(_MONTHS), "%b", "date"),
    "B": _Directive(_names(_MONTHS), "%B", "date"),
    "a": _Directive(_short(_DAYS), "%a", "date"),
    "A": _Directive(_names(_DAYS), "%A", "date"),
    "H": _Directive(_HOUR, "%H", "time"),
    "I": _Directive("(?:1[0-2]|0[1-9]|[1-9])", "%I", "time"),
    "M": _Directive(_SIXTY, "%M", "time"),
    "S": _Directive(_SIXTY, "%S", "time"),  # Python's pattern takes :60, its datetime does not
    "p": _Directive(_names("am|pm"), "%p", "time"),
    "z": _Directive("(?:Z|[+-][0-9]{2}:?[0-5][0-9])", "%#z", "zone"),
    "Z": _Directive(_names("utc|gmt"), "%Z", "zone"),
    "s": _Directive("-?[0-9]{1,12}", "%s", "zone"),
}
_ALL_DIGITS: Mapping[str, str] = {
    "m": "(?:1[0-2]|0[1-9])",
    "d": "(?:3[01]|[12][0-9]|0[1-9])",
    "j": "(?:36[0-6]|3[0-5][0-9]|[12][0-9]{2}|0[0-9]{2})",
    "H": "(?:2[0-3]|[01][0-9])",
    "I": "(?:1[0-2]|0[1-9])",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
}
"""Beside other digits: `2024022`, which was cut off, would be the second of February to strptime."""
_SAMPLES = {"date": "2024-02-29", "time": "23:59:58", "datetime": "2024-02-29 23:59:58"}


def translate(format: str, kind: Literal["date", "time", "datetime"], path: str) -> DatePattern:
    """The pattern of a format.

    Raises PlanError naming `path` for directives that are not supported for the kind.
    """
    guard, chrono, seen = [], [], []
    comma = False
    pieces = re.findall(r"[.,]%f|%.?|\s+|[^%\s]", format, re.DOTALL)
    for number, piece in enumerate(pieces):
        if piece in (".%f", ",%f"):
            seen.append("f")
            comma = piece == ",%f"
            guard.append(rf"{re.escape(piece[0])}[0-9]{{1,9}}")
            chrono.append("%.f")
        elif piece == "%%":
            guard.append("%")
            chrono.append("%%")
        elif piece.startswith("%"):
            directive = _directive(piece, kind, path)
            seen.append(piece[1])
            beside = any(map(_is_digits, (*pieces[number - 1 : number], *pieces[number + 1 : number + 2])))
            guard.append(_ALL_DIGITS.get(piece[1], directive.guard) if beside else directive.guard)
            chrono.append(directive.chrono)
        else:
            guard.append(r"\s+" if piece.isspace() else re.escape(piece))
            chrono.append(" " if piece.isspace() else piece)
    if comma and format.count(",") > 1:
        raise PlanError(path, f"{format!r}: with ',%f' there can be no other comma")
    pattern = DatePattern(
        rf"\A{''.join(guard)}\z", "".join(chrono), bool({"z", "Z", "s"} & set(seen)), "y" in seen, comma
    )
    _check_complete(format, kind, set(seen), path)
    _check_engine(format, kind, pattern, path)
    return pattern


def _is_digits(piece: str) -> bool:
    return piece.isdigit() or (piece[:1] == "%" and piece[1:] in {"Y", "y", *_ALL_DIGITS})


def _directive(piece: str, kind: str, path: str) -> _Directive:
    directive = _DIRECTIVES.get(piece[1:])
    if piece == "%f":
        raise PlanError(path, "%f is supported after a '.' or a ',' only")
    if directive is None:
        allowed = " ".join(f"%{letter}" for letter in (*_DIRECTIVES, "f", "%"))
        raise PlanError(path, f"{piece} is not supported; allowed are {allowed}")
    if kind != "datetime" and directive.of != kind:
        raise PlanError(path, f"{piece} has no meaning for a {kind}")
    return directive


def _check_complete(format: str, kind: str, seen: set[str], path: str) -> None:
    if "s" in seen:
        if seen != {"s"}:
            raise PlanError(path, f"{format!r}: %s (seconds since 1970) stands alone")
        return
    if kind != "time" and not seen & {"Y", "y"}:
        raise PlanError(path, f"{format!r} has no year (%Y)")
    if len(seen & {"Y", "y"}) > 1 or len(seen & {"H", "I"}) > 1:
        raise PlanError(path, f"{format!r} names the year or the hour twice")
    if ("I" in seen) != ("p" in seen):
        raise PlanError(path, f"{format!r}: %I and %p need each other")
    if seen & {"M", "S", "f", "p", "z", "Z"} and not (seen & {"H", "I"} and "M" in seen):
        raise PlanError(path, f"{format!r} has a part of the time without %H:%M")


def _check_engine(format: str, kind: str, pattern: DatePattern, path: str) -> None:
    dtype = {"date": pl.Date(), "time": pl.Time(), "datetime": pl.Datetime("us")}[kind]
    sample = pl.Series([_SAMPLES[kind]])
    try:
        sample.str.contains(pattern.guard)
        sample.str.strptime(dtype, pattern.chrono, strict=False)
    except pl.exceptions.PolarsError as error:
        raise PlanError(path, f"{format!r} is not supported: {str(error).splitlines()[0]}") from error
