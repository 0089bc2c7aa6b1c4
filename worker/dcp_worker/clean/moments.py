"""date, time and datetime: ISO 8601 by default, or a strptime pattern; stored as naive UTC in microseconds.

Each format becomes a pattern of what Python's strptime would take, which guards Polars' own, more lenient,
parser: that one checks the calendar. strptime.py translates formats.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Literal, cast
from zoneinfo import ZoneInfo

import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.errors import PlanError
from dcp_worker.clean.strptime import DatePattern, translate

Moment = Literal["date", "time", "datetime"]
Parse = Callable[[pl.Series], pl.Series]

_FIRST = datetime(1000, 1, 1)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999999)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_PLAIN = DatePattern(rf"\A{_DATE} {_CLOCK}:[0-5][0-9]\z", "%Y-%m-%d %H:%M:%S")
_ISO_DATETIME = (
    rf"\A(?<date>{_DATE})[Tt ](?<clock>{_CLOCK})(?<second>:[0-5][0-9])?(?<fraction>[.,][0-9]{{1,9}})?"
    r" ?(?:[Zz]|(?<sign>[+-])(?<hours>[01][0-9]|2[0-3]):?(?<minutes>[0-5][0-9])?)?\z"
)
_ISO_ZONE = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)\z"
_ISO_TIME = rf"\A(?<clock>{_CLOCK})(?<second>:[0-5][0-9])?(?<fraction>\.[0-9]{{1,9}})?\z"
_EPOCHS = {"epoch-s": 0, "epoch-ms": 3}
_ISO_DATE = DatePattern(rf"\A{_DATE}\z", "%Y-%m-%d")


def moment_parser(field: Field, path: str) -> Parse:
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
            left = values.is_null() & text.is_not_null()
            if left.any():
                rest = text.zip_with(left, pl.Series(text.name, [None], dtype=pl.String))
                values = values.zip_with(~left, parse(rest))
        return values

    return first_that_fits


def _parser(format: str | None, field: Field, zone: str, path: str) -> Parse:
    if format is None or format == "default":
        return {"date": _iso_date, "time": _iso_time, "datetime": _iso_datetime(zone)}[field.type]
    if format in _EPOCHS:
        if field.type != "datetime":
            raise PlanError(path, f"{format} has no meaning for a {field.type}")
        return partial(_since_1970, digits=_EPOCHS[format])
    pattern = translate(format, cast(Moment, field.type), path)

    def parse(text: pl.Series) -> pl.Series:
        match field.type:
            case "date":
                return _within_years(_strptime(text, pattern, pl.Date()), pl.Date())
            case "time":
                return _whole_microseconds(_strptime(text, pattern, pl.Time()))
            case _:
                naive = _strptime(text, pattern, pl.Datetime("us"))
                return _within_years(naive if pattern.names_zone else _to_utc(naive, zone), pl.Datetime("us"))

    return parse


def _since_1970(text: pl.Series, digits: int) -> pl.Series:
    """Seconds (digits = 0) or milliseconds (3) since 1970, maybe with a fraction, of which microseconds are kept."""
    pattern = rf"\A(?<sign>-)?(?<whole>[0-9]{{1,{12 + digits}}})(?:\.(?<fraction>[0-9]{{1,9}}))?\z"
    parts = text.str.extract_groups(pattern).struct.unnest()
    kept = 6 - digits
    fraction = pl.col("fraction").fill_null("").str.pad_end(kept, "0").str.head(kept).cast(pl.Int64, strict=False)
    moments = pl.col("whole").cast(pl.Int64) * 10**kept + fraction
    signed = pl.when(pl.col("sign") == "-").then(-moments).otherwise(moments)
    return _within_years(parts.select(signed.cast(pl.Datetime("us"))).to_series(), pl.Datetime("us"))


def _checked_zone(name: str, path: str) -> str:
    try:
        ZoneInfo(name)
        _to_utc(pl.Series([datetime(2024, 1, 1)], dtype=pl.Datetime("us")), name)
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise PlanError(f"{path}.timezone", f"{name!r} is not a time zone such as Europe/Berlin") from error
    return name


def _strptime(text: pl.Series, pattern: DatePattern, dtype: pl.Date | pl.Time | pl.Datetime) -> pl.Series:
    value = pl.col(text.name)
    matching: pl.Expr = pl.when(value.str.contains(pattern.guard)).then(value)
    if pattern.comma_fraction:
        matching = matching.str.replace(",", ".", literal=True)
    parsed = matching.str.strptime(dtype, pattern.chrono, strict=False)
    if pattern.names_zone and isinstance(dtype, pl.Datetime):
        parsed = parsed.dt.replace_time_zone(None)
    if pattern.short_year:  # Python and POSIX: 69 is 1969
        parsed = pl.when(parsed.dt.year() > 2068).then(parsed.dt.offset_by("-100y")).otherwise(parsed)
    return text.to_frame().select(parsed).to_series()


def _iso_datetime(zone: str) -> Parse:
    def parse(text: pl.Series) -> pl.Series:
        plain = _to_utc(_strptime(text, _PLAIN, pl.Datetime("us")), zone)
        if plain.null_count() > text.null_count():
            value = pl.col(text.name)
            other = text.to_frame().select(pl.when(plain.is_null()).then(value)).to_series()
            plain = plain.zip_with(plain.is_not_null(), _other_iso_datetime(other, zone))
        return _within_years(plain, pl.Datetime("us"))

    return parse


def _other_iso_datetime(text: pl.Series, zone: str) -> pl.Series:
    parts = text.str.extract_groups(_ISO_DATETIME).struct.unnest()
    clock = pl.concat_str(
        pl.col("date"),
        pl.lit(" "),
        pl.col("clock"),
        pl.col("second").fill_null(":00"),
        pl.col("fraction").fill_null("").str.replace(",", ".", literal=True),
    )
    minutes = pl.col("hours").cast(pl.Int64) * 60 + pl.col("minutes").cast(pl.Int64).fill_null(0)
    offset = pl.duration(minutes=minutes.fill_null(0) * pl.when(pl.col("sign") == "-").then(-1).otherwise(1))
    naive = clock.str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S%.f", strict=False)
    moments = parts.select(naive=naive, shifted=naive - offset)
    # A fraction needs its seconds: 10:15.5 is no time.
    broken = parts.select(pl.col("fraction").is_not_null() & pl.col("second").is_null()).to_series()
    zoned = text.str.contains(_ISO_ZONE).fill_null(False)
    utc = moments["shifted"].zip_with(zoned, _to_utc(moments["naive"], zone))
    return utc.set(broken, None) if broken.any() else utc


def _iso_time(text: pl.Series) -> pl.Series:
    parts = text.str.extract_groups(_ISO_TIME).struct.unnest()
    broken = pl.col("fraction").is_not_null() & pl.col("second").is_null()
    clock = pl.concat_str(
        pl.when(~broken).then(pl.col("clock")),
        pl.col("second").fill_null(":00"),
        pl.col("fraction").fill_null(""),
    )
    return _whole_microseconds(parts.select(clock.str.strptime(pl.Time(), "%H:%M:%S%.f", strict=False)).to_series())


def _iso_date(text: pl.Series) -> pl.Series:
    return _within_years(_strptime(text, _ISO_DATE, pl.Date()), pl.Date())


def _to_utc(naive: pl.Series, zone: str) -> pl.Series:
    """Local times to UTC: of an hour that comes twice the first, null for one that the clocks skip."""
    if zone in ("UTC", "Etc/UTC"):
        return naive
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _within_years(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    low, high = pl.Series([_FIRST, _LAST], dtype=pl.Datetime("us")).cast(dtype)
    outside = ((values < low) | (values > high)).fill_null(False)
    return values.set(outside, None) if outside.any() else values


def _whole_microseconds(times: pl.Series) -> pl.Series:
    return (times.cast(pl.Int64) // 1000 * 1000).cast(pl.Time)
