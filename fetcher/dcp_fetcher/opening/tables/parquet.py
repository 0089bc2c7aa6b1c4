"""Parquet as ndjson: a row is a line, its values as exact text; slices of rows, so that one row group is in memory.

parquet_footer.py has what Polars does not tell of the types, parquet_values.py how each value is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.spool import Generated, spooled
from dcp_fetcher.opening.tables.parquet_footer import FooterError, Leaf, columns_of
from dcp_fetcher.opening.tables.parquet_values import json_lines

LONGEST_BYTES = 64 << 30
_ROWS = 20_000
_PIECE_BYTES = 8 << 20
_MOST_DIGITS = 38
"""Of a decimal that Polars can hold."""


def parquet_lines(stream: Readable, labels: LabelsMet) -> Readable:
    """The rows in their order. read() raises DamagedError where it is no parquet file, and where a wanted column cannot
    be read; one that nobody wants is left out then."""
    return Generated(lambda: _lines(stream, labels))


def _lines(stream: Readable, labels: LabelsMet) -> Iterator[bytes]:
    with spooled(stream, LONGEST_BYTES, "parquet") as path:
        try:
            leaves = {each.name: each.leaves for each in columns_of(path)}
            schema = {name: _type(dtype, leaves[name]) for name, dtype in pl.read_parquet_schema(path).items()}
        except (FooterError, KeyError, pl.exceptions.PolarsError, OSError) as error:
            raise _damaged(error) from error
        labels.meet(tuple(schema))
        readable = {name: dtype for name, dtype in schema.items() if _is_readable(name, dtype, labels)}
        yield from _rows(path, readable, leaves)


def _rows(path: Path, schema: dict[str, pl.DataType], leaves: dict[str, tuple[Leaf, ...]]) -> Iterator[bytes]:
    try:
        count = pl.scan_parquet(path).select(pl.len()).collect().item()
        rows = pl.scan_parquet(path, schema=schema, extra_columns="ignore").select(list(schema))
        for start in range(0, count, _ROWS):
            if not schema:
                yield b"{}\n" * min(_ROWS, count - start)
                continue
            frame = rows.slice(start, _ROWS).collect()
            for few in frame.iter_slices(_rows_at_once(frame)):
                yield json_lines(few, leaves)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError) as error:
        raise _damaged(error) from error


def _rows_at_once(frame: pl.DataFrame) -> int:
    """How many rows are written at once. A value that stands in a dictionary once and in all rows is held once, but
    written as often: 1 kB of a file may stand for gigabytes."""
    texts = [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.Binary, pl.Categorical)]
    lengths = [_bytes_of(frame[name]) for name in texts]
    longest = max((int(each.max() or 0) for each in lengths), default=0)  # type: ignore[arg-type]
    return max(1, min(_ROWS, _PIECE_BYTES // max(1, longest * len(texts))))


def _bytes_of(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Binary:
        return column.bin.size()
    return column.cast(pl.String).str.len_bytes()


def _is_readable(name: str, dtype: Any, labels: LabelsMet) -> bool:
    """Raises DamagedError where a wanted column is not."""
    if not _too_exact(dtype):
        return True
    if labels.wants(name):
        raise DamagedError(
            f"the column {name!r} is of type {dtype}: decimals of more than {_MOST_DIGITS} digits cannot be read"
        )
    return False


def _too_exact(dtype: Any) -> bool:
    match dtype:
        case pl.Decimal(precision=precision):
            return precision > _MOST_DIGITS
        case pl.List(inner=inner) | pl.Array(inner=inner):
            return _too_exact(inner)
        case pl.Struct(fields=fields):
            return any(_too_exact(each.dtype) for each in fields)
        case pl.Map(key=key, value=value):
            return _too_exact(key) or _too_exact(value)
    return False


def _type(dtype: Any, leaves: tuple[Leaf, ...]) -> Any:
    """Polars' own type; INT96 in microseconds, for in nanoseconds it knows the years 1677 to 2262 only."""
    return _in_microseconds(dtype) if "int96" in leaves else dtype


def _in_microseconds(dtype: Any) -> Any:
    match dtype:
        case pl.Datetime(time_zone=zone):
            return pl.Datetime("us", zone)
        case pl.List(inner=inner):
            return pl.List(_in_microseconds(inner))
        case pl.Struct(fields=fields):
            return pl.Struct([pl.Field(each.name, _in_microseconds(each.dtype)) for each in fields])
        case pl.Map(key=key, value=value):
            return pl.Map(_in_microseconds(key), _in_microseconds(value))
    return dtype


def _damaged(error: BaseException) -> DamagedError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return DamagedError(f"it cannot be read as parquet: {first}")
