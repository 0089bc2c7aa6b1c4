"""What the values of a column are: types by the very parsers that will read them, with what does not fit. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.types.decimals import rounded
from dcp_worker.clean.types.types import parser
from dcp_worker.ground.errors import PlanError

MISSING = ("", "-", "--", "NULL", "null", "None", "N/A", "n/a", "NA", "NaN", "nan", r"\N", "(null)")
ERRORS = ("#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#N/A N/A")
"""What spreadsheets write for a formula without a value."""
_AMBIGUOUS = frozenset(("NA", "None", "NaN", "nan"))
MOST_DIGITS, MOST_DECIMALS = 38, 30
_NEARLY = 0.98
_MOSTLY, _FEW, _LOOKED_AT = 0.7, 4, 1000
"""Of so many values and more a text is told that would be of another type but for a few."""
_INTEGER = r"^[-+]?(0|[1-9][0-9]*)$"
_FORMULA = r"^=[A-Z+(\-$]"
_DECIMAL = r"^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$"
_DIGIT = r"\d"
_PADDED_ADDRESS = r"^(?:[01]\d\d|2[0-4]\d|25[0-5])(?:\.(?:[01]\d\d|2[0-4]\d|25[0-5])){3}$"
_SURE_FROM = 20
_MOMENTS = (
    None, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S %Z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d %b %Y %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
_DATES = (
    None, "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%b %d %Y", "%d-%b-%Y",
)  # fmt: skip
_TIMES = (None, "%H:%M", "%I:%M %p", "%I:%M:%S %p")
_WRITTEN = (("date", _DATES), ("datetime", _MOMENTS), ("time", _TIMES))
_TRUTHS = (("true", "false"), ("yes", "no"), ("y", "n"), ("on", "off"))
_VERSION = re.compile(r"(?:^|[_\W])(?:ver|version|release)$", re.IGNORECASE)
_EPOCH = range(946_684_800, 2_147_483_648)


@dataclass(frozen=True)
class Guess:
    """A column's field, in the words of spec.cleaning.fields, and what was seen, for people."""

    label: str
    words: dict[str, Any]
    seen: str
    values: tuple[str | None, ...]
    """Of the sample, None where one is missing."""


def missing_in(columns: Sequence[Sequence[str | None]]) -> tuple[str, ...]:
    """What stands for a missing value in them: words that mean nothing else, and, where they stand among values of a
    type, words that may also be a text (None, NA).
    """
    present = {value for column in columns for value in column}
    found = {word for word in MISSING if not word or (word in present and word not in _AMBIGUOUS)}
    for column in columns:
        words = {value for value in column if value in _AMBIGUOUS}
        others = [value.strip() for value in column if value is not None and value.strip() not in MISSING]
        if words and others and _type("", pl.Series(others, dtype=pl.String))[0]["type"] != "string":
            found |= words
    return tuple(word for word in MISSING if word in found)


def guess(label: str, cells: Sequence[str | None], missing: Sequence[str]) -> Guess:
    """The type and constraints of a column."""
    own = _own_missing(cells, missing)
    errors = _error_words(cells, own)
    own = (*own, *errors) if errors else own
    values = [None if cell is None or cell.strip() in own else cell.strip() for cell in cells]
    known = pl.Series([value for value in values if value is not None], dtype=pl.String)
    gone = len(values) - len(known)
    words: dict[str, Any] = {"type": "string"}
    seen = "no value in the sample"
    if len(known):
        words, seen = _type(label, known)
    if words["type"] == "string":
        raw = max((len(cell) for cell in cells if cell is not None and cell.strip() not in own), default=0)
        longest = max((len(value) for value in known), default=0)
        if raw > longest:
            seen += f"; of up to {raw} with the blanks around it"
    if gone:
        seen += f"; missing in {gone} of {len(values)}"
    elif len(values) >= _SURE_FROM:
        seen += f"; never missing in {len(values)} (required, if that is a rule)"
    if own != missing:
        words["missingValues"] = list(own)
        if codes := [each for each in missing if each not in own]:
            seen += f"; {', '.join(codes)} is one of these codes"
        if errors:
            seen += f"; {', '.join(errors)} taken for missing here, a word among values of this type"
    return Guess(label, words, seen, tuple(values))


def _own_missing(cells: Sequence[str | None], missing: Sequence[str]) -> Sequence[str]:
    """Among codes of two letters NA is Namibia, or North America."""
    others = {cell.strip() for cell in cells if cell is not None} - {"NA", *MISSING}
    codes = "NA" in missing and len(others) > 1 and all(re.fullmatch("[A-Z]{2}", each) for each in others)
    return tuple(each for each in missing if each != "NA") if codes else missing


def _error_words(cells: Sequence[str | None], missing: Sequence[str]) -> tuple[str, ...]:
    """Words that mean no value, or a formula's error, where all other values are of a type that these are not."""
    values = [cell.strip() for cell in cells if cell is not None and cell.strip() not in missing]
    found = tuple(word for word in (*ERRORS, *MISSING) if word and word in values)
    others = [value for value in values if value not in found]
    if not found or not others or _type("", pl.Series(others, dtype=pl.String))[0]["type"] == "string":
        return ()
    return found


def _type(label: str, known: pl.Series) -> tuple[dict[str, Any], str]:
    if (share := _share(known, type="ip")) >= _NEARLY:
        return {"type": "ip"}, _told("addresses", share, known, type="ip")
    if numbers := _numbers(label, known):
        return numbers
    for yes, no in _TRUTHS:
        if set(known.str.to_lowercase()) <= {yes, no}:
            true, false = (sorted(set(known.filter(known.str.to_lowercase() == word))) or [word] for word in (yes, no))
            return {"type": "boolean", "trueValues": true, "falseValues": false}, f"{yes} or {no}"
    for type_, formats in _WRITTEN:
        found = _moment(type_, formats, known)
        if found:
            return found
    longest = max(known.str.len_chars())
    distinct = known.n_unique()
    sample = ", ".join(known.unique(maintain_order=True).head(3))[:80]
    seen = f"text of up to {longest} characters, {distinct} different, such as {sample}"
    return {"type": "string"}, seen + (_formulas(known) or _mostly(known.head(_LOOKED_AT)))


def _formulas(known: pl.Series) -> str:
    """A library wrote the workbook, and no program has calculated it since: as texts they are of no use to anybody."""
    share = known.str.contains(_FORMULA).sum() / len(known)
    advice = "open the file in Excel or LibreOffice and save it"
    return f"; CHECK: {share:.0%} of them are formulas that nobody has calculated: {advice}" if share >= _MOSTLY else ""


def _numbers(label: str, known: pl.Series) -> tuple[dict[str, Any], str] | None:
    """Of a column of numbers, in which one in fifty may be a word: what has a digit in it may be a number otherwise
    written, and is none."""
    has_digit = known.str.contains(_DIGIT)
    digits = known.filter(has_digit)
    share = len(digits) / len(known)
    found = _all_numbers(label, digits) if share >= _NEARLY else None
    if found is None or share == 1:
        return found
    words, seen = found
    return words, f"{seen}, {share:.1%} of them: not {known.filter(~has_digit)[0]!r}"


def _all_numbers(label: str, known: pl.Series) -> tuple[dict[str, Any], str] | None:
    if known.str.contains(r"^\+\d{6,}$").all():
        return {"type": "string"}, "digits behind a +, as telephone numbers are: a number would lose it"
    if _VERSION.search(label) and known.str.contains(".", literal=True).any():
        return {"type": "string"}, "versions, as text: the number 1.10 is 1.1"
    if known.str.contains(_INTEGER).all():
        if known.cast(pl.Int64, strict=False).null_count():
            return {"type": "string"}, "whole numbers of more than 64 bits, as text"
        return _integer(label, known)
    if known.str.contains(r"^\d+[eE]\d+$").all():
        return {
            "type": "string"
        }, "CHECK: digits with an e among them, as hashes may be: text; as numbers they have exponents"
    if known.str.contains(_DECIMAL).all() and not known.str.contains(r"^[-+]?0\d").any():
        return _number(known)
    return _odd_number(known)


def _mostly(known: pl.Series) -> str:
    """Of a column of texts: which other type most of them would be of, for a person to decide."""
    if len(known) < _FEW:
        return ""
    fitting: list[tuple[str, dict[str, Any]]] = [("addresses", {"type": "ip"})]
    fitting += [(f"{type_}s", {"type": type_, "format": each}) for type_, formats in _WRITTEN for each in formats]
    found = [(what, parsed.is_not_null()) for what, words in fitting if (parsed := _parsed(known, **words)) is not None]
    if not known.str.contains(r"^[-+]?0\d").any():
        found.insert(0, ("numbers", known.str.contains(_DECIMAL)))
    what, fits = max(found, key=lambda each: each[1].sum())
    share = fits.sum() / len(known)
    return f"; CHECK: {share:.1%} of them are {what}, not {known.filter(~fits)[0]!r}" if _MOSTLY <= share < 1 else ""


def _odd_number(known: pl.Series) -> tuple[dict[str, Any], str] | None:
    """Percentages, and groups of three digits."""
    if known.str.contains(r"^[-+]?\d+(\.\d+)? ?%$").all():
        return {"type": "number", "bareNumber": False}, "percentages: the sign is dropped (12.5% is 12.5)"
    if known.str.contains(_PADDED_ADDRESS).all():
        return None
    for group, point in ((",", "."), (".", ","), (" ", ","), ("'", ".")):
        whole = rf"[-+]?[1-9]\d{{0,2}}({re.escape(group)}\d{{3}})+"
        groups = rf"^{whole}({re.escape(point)}\d+)?$"
        if (
            known.str.contains(groups).any()
            and known.str.contains(rf"{groups}|^[-+]?(0|[1-9]\d{{0,2}})({re.escape(point)}\d+)?$").all()
        ):
            fraction = known.str.contains(point, literal=True).any()
            words: dict[str, Any] = {"type": "number" if fraction else "integer", "groupChar": group}
            if point != ".":  # which is the default, and cannot be both
                words["decimalChar"] = point
            seen = f"numbers with {group!r} between groups of digits"
            either = not fraction and group in ",." and known.str.count_matches(group, literal=True).max() == 1
            return (
                words,
                f"{seen}; CHECK: or a decimal {group!r}, for it has three digits behind it" if either else seen,
            )
    if known.str.contains(r"^[-+]?(0|[1-9]\d*)(,\d+)?$").all():
        return {"type": "number", "decimalChar": ","}, "numbers with a decimal comma"
    return None


def _number(known: pl.Series) -> tuple[dict[str, Any], str]:
    """A number where floats hold all of them, else a decimal."""
    floats = known.cast(pl.Float64, strict=False)
    if not pl.select(rounded(pl.lit(known), pl.lit(floats), Field(name="x", type="number"))).to_series().any():
        return {"type": "number"}, "numbers"
    decimals = int(known.str.extract(r"\.([0-9]+)", 1).str.len_bytes().max() or 0)  # type: ignore[arg-type]
    words = {"type": "decimal", "precision": MOST_DIGITS, "scale": min(max(decimals, 2), MOST_DECIMALS)}
    return words, f"numbers of more digits than a float holds, up to {decimals} of them behind the point"


def _integer(label: str, known: pl.Series) -> tuple[dict[str, Any], str]:
    numbers = known.cast(pl.Int64)
    least, most = int(numbers.min()), int(numbers.max())  # type: ignore[arg-type]
    if re.search(r"time|date|seen|epoch|stamp|ts$|created|updated", label, re.I):
        if least in _EPOCH and most in _EPOCH:
            return {"type": "datetime", "format": "%s"}, "seconds since 1970, as the label suggests"
        if least // 1000 in _EPOCH and most // 1000 in _EPOCH:
            return {"type": "datetime", "format": "epoch-ms"}, "milliseconds since 1970, as the label suggests"
    if re.search(r"port", label, re.I) and least >= 0 and most < 1 << 16:
        return {"type": "integer", "constraints": {"minimum": 0, "maximum": 65535}}, f"ports, {least} to {most}"
    return {"type": "integer"}, f"integers from {least} to {most}"


def _moment(type_: str, formats: Sequence[str | None], known: pl.Series) -> tuple[dict[str, Any], str] | None:
    fitting = [
        (format_, share) for format_ in formats if (share := _share(known, type=type_, format=format_)) >= _NEARLY
    ]
    if not fitting:
        return None
    format_, share = max(fitting, key=lambda each: each[1])
    words = {"type": type_, **({"format": format_} if format_ else {})}
    seen = _told(f"{type_}s written {format_ or 'as ISO 8601'}", share, known, **words)
    other = next(
        (each for each, _ in fitting if format_ and each and each != format_ and _swapped(each) == format_), None
    )
    if other:
        seen += f"; CHECK: {other} would fit as well, for no day is above 12"
    return words, seen


def _swapped(format_: str) -> str:
    return format_.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def _share(known: pl.Series, **words: Any) -> float:
    parsed = _parsed(known, **words)
    return 0.0 if parsed is None else 1 - parsed.null_count() / len(known)


def _parsed(known: pl.Series, **words: Any) -> pl.Series | None:
    field = msgspec.convert({"name": "x", **{key: value for key, value in words.items() if value}}, Field)
    try:
        return parser(field, "x")(known)
    except PlanError:
        return None


def _told(what: str, share: float, known: pl.Series, **words: Any) -> str:
    if share == 1:
        return what
    parsed = _parsed(known, **words)
    odd = known.filter(parsed.is_null())[0] if parsed is not None else ""
    return f"{what}, {share:.1%} of them: not {odd!r}"
