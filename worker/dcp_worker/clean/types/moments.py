"""date, time and datetime: ISO 8601 by default, or a strptime pattern; stored as naive UTC in microseconds.

Each format becomes a pattern of what Python's strptime would take, which guards Polars' own, more lenient,
parser: that one checks the calendar. strptime.py translates formats.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, cast
from zoneinfo import ZoneInfo

import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.types.parsing import Parser, Step
from dcp_worker.clean.types.strptime import DatePattern, translate
from dcp_worker.ground.errors import PlanError
from dcp_worker.ground.placing import put_at

Moment = Literal["date", "time", "datetime"]
_MICROS = pl.Datetime("us")
_FIRST = datetime(1000, 1, 1)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999999)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_PLAIN = DatePattern(rf"\A{_DATE} {_CLOCK}:[0-5][0-9]\z", "%Y-%m-%d %H:%M:%S")
_PLAIN_TIME = DatePattern(rf"\A{_CLOCK}:[0-5][0-9]\z", "%H:%M:%S")
_ISO_DATETIME = (
    rf"\A(?<date>{_DATE})[Tt ](?<clock>{_CLOCK})(?<second>:[0-5][0-9])?(?<fraction>[.,][0-9]{{1,9}})?"
    r" ?(?:[Zz]|(?<sign>[+-])(?<hours>[01][0-9]|2[0-3]):?(?<minutes>[0-5][0-9])?)?\z"
)
_ISO_ZONE = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)\z"
_ISO_TIME = rf"\A(?<clock>{_CLOCK})(?<second>:[0-5][0-9])?(?<fraction>\.[0-9]{{1,9}})?\z"
_EPOCHS = {"epoch-s": 0, "epoch-ms": 3}
_ISO_DATE = DatePattern(rf"\A{_DATE}\z", "%Y-%m-%d")


def moment_parser(field: Field, path: str) -> Parser:
    """The parser of a date, time or datetime field.

    Raises PlanError for a format or a zone that is not supported.
    """
    zone = _checked_zone(field.timezone, path)
    if not field.formats:
        return _parser(field.format, field, zone, f"{path}.format")
    parsers = [_parser(each, field, zone, f"{path}.formats[{n}]") for n, each in enumerate(field.formats)]

    def first_that_fits(text: pl.Series) -> pl.Series:
        values = parsers[0](text)
        for parse in parsers[1:]:
            places = (values.is_null() & text.is_not_null()).arg_true()
            if len(places):
                values = put_at(places, parse(text.gather(places)).to_frame(), values.to_frame()).to_series()
        return values

    return Parser(parsers[0].steps, first_that_fits)


def _parser(format: str | None, field: Field, zone: str, path: str) -> Parser:
    moment = cast(Moment, field.type)
    if format in _EPOCHS:
        if moment != "datetime":
            raise PlanError(path, f"{format} has no meaning for a {moment}")
        return Parser(_since_1970(_EPOCHS[format]))
    if format is None or format == "default":
        match moment:
            case "date":
                return Parser(_of_pattern(_ISO_DATE, "date", zone))
            case "time":
                return Parser(_of_pattern(_PLAIN_TIME, "time", zone), _iso_time)
            case _:
                return Parser(_of_pattern(_PLAIN, "datetime", zone), _iso_datetime(zone))
    return Parser(_of_pattern(translate(format, moment, path), moment, zone))


def _since_1970(digits: int) -> tuple[Step, ...]:
    """Seconds (digits = 0) or milliseconds (3) since 1970, maybe with a fraction, of which microseconds are kept."""
    pattern = rf"\A(?<sign>-)?(?<whole>[0-9]{{1,{12 + digits}}})(?:\.(?<fraction>[0-9]{{1,9}}))?\z"
    kept = 6 - digits

    def groups(text: pl.Expr) -> pl.Expr:
        return text.str.extract_groups(pattern)

    def moments(parts: pl.Expr) -> pl.Expr:
        fraction = parts.struct.field("fraction").fill_null("").str.pad_end(kept, "0").str.head(kept)
        whole = parts.struct.field("whole").cast(pl.Int64) * 10**kept + fraction.cast(pl.Int64, strict=False)
        sign = pl.when(parts.struct.field("sign") == "-").then(-1).otherwise(1)
        moment: pl.Expr = (whole * sign).cast(_MICROS).name.keep()  # not the group's
        return moment

    return groups, moments, _within_years(_MICROS)


def _checked_zone(name: str, path: str) -> str:
    try:
        ZoneInfo(name)
        pl.select(_to_utc(pl.lit(datetime(2024, 1, 1), dtype=_MICROS), name))
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise PlanError(f"{path}.timezone", f"{name!r} is not a time zone such as Europe/Berlin") from error
    return name


def _of_pattern(pattern: DatePattern, moment: Moment, zone: str) -> tuple[Step, ...]:
    match moment:
        case "date":
            return _strptime(pattern, pl.Date()), _within_years(pl.Date())
        case "time":
            return _strptime(pattern, pl.Time()), _whole_microseconds
        case _:
            utc = "UTC" if pattern.names_zone else zone
            return _strptime(pattern, _MICROS), lambda naive: _to_utc(naive, utc), _within_years(_MICROS)


def _strptime(pattern: DatePattern, dtype: pl.Date | pl.Time | pl.Datetime) -> Step:
    def parse(text: pl.Expr) -> pl.Expr:
        matching: pl.Expr = pl.when(text.str.contains(pattern.guard)).then(text)
        if pattern.comma_fraction:
            matching = matching.str.replace(",", ".", literal=True)
        parsed = matching.str.strptime(dtype, pattern.chrono, strict=False, cache=False)
        if pattern.names_zone and isinstance(dtype, pl.Datetime):
            parsed = parsed.dt.replace_time_zone(None)
        if pattern.short_year:  # Python and POSIX: 69 is 1969
            parsed = pl.when(parsed.dt.year() > 2068).then(parsed.dt.offset_by("-100y")).otherwise(parsed)
        return parsed

    return parse


def _iso_datetime(zone: str) -> Callable[[pl.Series], pl.Series]:
    def parse(text: pl.Series) -> pl.Series:
        parts = _parts(text, _ISO_DATETIME)
        clock = pl.concat_str(
            pl.col("date"),
            pl.lit(" "),
            pl.col("clock"),
            pl.col("second").fill_null(":00"),
            pl.col("fraction").fill_null("").str.replace(",", ".", literal=True),
        )
        minutes = pl.col("hours").cast(pl.Int64) * 60 + pl.col("minutes").cast(pl.Int64).fill_null(0)
        offset = pl.duration(minutes=minutes.fill_null(0) * pl.when(pl.col("sign") == "-").then(-1).otherwise(1))
        naive = clock.str.strptime(_MICROS, "%Y-%m-%d %H:%M:%S%.f", strict=False)
        zoned = pl.col("whole").str.contains(_ISO_ZONE)
        moment = pl.when(zoned).then(naive - offset).otherwise(_to_utc(naive, zone))
        return parts.select(_within_years(_MICROS)(pl.when(_has_seconds()).then(moment))).to_series()

    return parse


def _iso_time(text: pl.Series) -> pl.Series:
    clock = pl.concat_str(
        pl.when(_has_seconds()).then(pl.col("clock")),
        pl.col("second").fill_null(":00"),
        pl.col("fraction").fill_null(""),
    )
    parsed = clock.str.strptime(pl.Time(), "%H:%M:%S%.f", strict=False)
    return _parts(text, _ISO_TIME).select(_whole_microseconds(parsed)).to_series()


def _parts(text: pl.Series, pattern: str) -> pl.DataFrame:
    """The pattern's groups, and the whole text."""
    return text.str.extract_groups(pattern).struct.unnest().with_columns(text.alias("whole"))


def _has_seconds() -> pl.Expr:
    """A fraction needs its seconds: 10:15.5 is no time."""
    return pl.col("fraction").is_null() | pl.col("second").is_not_null()


def _to_utc(naive: pl.Expr, zone: str) -> pl.Expr:
    """Local times to UTC: of an hour that comes twice the first, null for one that the clocks skip."""
    if zone in ("UTC", "Etc/UTC"):
        return naive
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _within_years(dtype: pl.DataType) -> Step:
    low, high = (pl.lit(each, dtype=_MICROS).cast(dtype) for each in (_FIRST, _LAST))
    return lambda moments: pl.when(moments.is_between(low, high)).then(moments)


def _whole_microseconds(times: pl.Expr) -> pl.Expr:
    return (times.cast(pl.Int64) // 1000 * 1000).cast(pl.Time)
