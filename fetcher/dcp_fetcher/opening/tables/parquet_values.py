"""A Parquet column's values as JSON that says exactly what they are; of what JSON has no exact form for, as text.

Dates are ISO 8601, moments with a zone in UTC, decimals as written, UUIDs with dashes, JSON as it is, other bytes in
hexadecimal digits; NaN and Infinity are their names, which no number field takes for a missing value.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from dcp_fetcher.opening.tables.parquet_footer import Leaf

_UUID = r"\A(.{8})(.{4})(.{4})(.{4})(.{12})\z"
_UUID_BYTES = 16


def json_lines(frame: pl.DataFrame, leaves: Mapping[str, tuple[Leaf, ...]]) -> bytes:
    """A line for each row. `leaves` are the columns', in their order."""
    nested = [each for each in frame if each.dtype.is_nested() and not _native(each.dtype)]
    others = frame.drop(each.name for each in nested)
    lines = _flat(others, leaves).write_ndjson() if others.width else "{}\n" * frame.height
    if not nested:
        return lines.encode()
    columns = [_encoded(each, leaves[each.name]) for each in nested]
    comma = b"," if others.width else b""
    rows = zip(lines.encode().splitlines(), *columns, strict=True)
    return b"".join(b"%b%b%b}\n" % (line[:-1], comma, b",".join(parts)) for line, *parts in rows)


def _flat(frame: pl.DataFrame, leaves: Mapping[str, tuple[Leaf, ...]]) -> pl.DataFrame:
    return frame.select(_plain(each, next(iter(leaves[each.name]), "plain")) for each in frame)


def _plain(column: pl.Series, leaf: Leaf) -> pl.Expr:
    value = pl.col(column.name)
    match column.dtype:
        case pl.Datetime(time_zone=zone):
            utc = value.dt.convert_time_zone("UTC") if zone else value
            return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if zone else ""))
        case pl.Decimal():
            return value.cast(pl.String)
        case pl.Binary() if leaf == "uuid":
            return value.bin.encode("hex").str.replace(_UUID, "$1-$2-$3-$4-$5")
        case pl.Binary() if leaf == "json":
            return pl.coalesce(value.cast(pl.String, strict=False), value.bin.encode("hex"))
        case pl.Binary():
            return value.bin.encode("hex")
        case pl.Duration():
            return value.dt.total_microseconds().cast(pl.String)
        case pl.Categorical() | pl.Enum():
            return value.cast(pl.String)
        case pl.Float64() | pl.Float32() | pl.Float16() if not column.drop_nulls().is_finite().all():
            return (
                pl.when(value.is_nan())
                .then(pl.lit("NaN"))
                .when(value.is_infinite())
                .then(pl.when(value > 0).then(pl.lit("Infinity")).otherwise(pl.lit("-Infinity")))
                .otherwise(value.cast(pl.String))
                .alias(column.name)
            )
        case pl.BaseExtension():
            return value.ext.storage()
    return value


def _native(dtype: pl.DataType) -> bool:
    """Whether Polars writes all that is in it exactly."""
    return all(isinstance(each, pl.String | pl.Boolean | pl.Null) or each.is_integer() for each in _leaf_types(dtype))


def _leaf_types(dtype: pl.DataType | Any) -> Iterator[pl.DataType]:
    match dtype:
        case pl.List(inner=inner) | pl.Array(inner=inner):
            yield from _leaf_types(inner)
        case pl.Struct(fields=fields):
            for each in fields:
                yield from _leaf_types(each.dtype)
        case pl.Map(key=key, value=value):
            yield from _leaf_types(key)
            yield from _leaf_types(value)
        case _:
            yield dtype


def _encoded(column: pl.Series, leaves: tuple[Leaf, ...]) -> list[bytes]:
    """Each value with its column's name before it, as JSON has members."""
    tell = _teller(column.dtype, iter(leaves))
    name = msgspec.json.encode(column.name) + b":"
    return [name + msgspec.json.encode(None if value is None else tell(value)) for value in column.to_list()]


Tell = Callable[[Any], Any]


def _teller(dtype: pl.DataType | Any, leaves: Iterator[Leaf]) -> Tell:
    """What makes JSON of a value of this type; its leaves are those of the file in the same order."""
    match dtype:
        case pl.List(inner=inner) | pl.Array(inner=inner):
            tell = _teller(inner, leaves)
            return lambda values: [None if each is None else tell(each) for each in values]
        case pl.Struct(fields=fields):
            tellers = {each.name: _teller(each.dtype, leaves) for each in fields}
            return lambda values: {
                name: None if values[name] is None else tell(values[name]) for name, tell in tellers.items()
            }
        case pl.Map(key=key, value=value):
            of_key, of_value = _teller(key, leaves), _teller(value, leaves)
            return lambda values: {
                str(of_key(name)): None if each is None else of_value(each) for name, each in values.items()
            }
    leaf: Leaf = next(leaves, "plain")
    return lambda value: _scalar(value, leaf)


def _scalar(value: Any, leaf: Leaf) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case bytes():
            return _bytes(value, leaf)
        case datetime():
            told = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return told.isoformat() + ("Z" if value.tzinfo else "")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value // timedelta(microseconds=1))
        case Decimal():
            return format(value, "f")
    return value


def _bytes(value: bytes, leaf: Leaf) -> str:
    if leaf == "uuid" and len(value) == _UUID_BYTES:
        return str(uuid.UUID(bytes=value))
    try:
        return value.decode() if leaf == "json" else value.hex()
    except UnicodeDecodeError:
        return value.hex()
