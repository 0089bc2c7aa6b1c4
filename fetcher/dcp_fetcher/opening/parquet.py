"""Parquet as ndjson: a row is a line, its values as exact text; slices of rows, so that one row group is in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.spool import Generated, spooled

LONGEST_BYTES = 64 << 30
_ROWS = 20_000


def parquet_lines(stream: Readable) -> Readable:
    """The rows in their order. read() raises DamagedError where it is no parquet file."""
    return Generated(lambda: _lines(stream))


def _lines(stream: Readable) -> Iterator[bytes]:
    with spooled(stream, LONGEST_BYTES, "parquet") as path:
        try:
            rows = pl.scan_parquet(path)
            for start in range(0, rows.select(pl.len()).collect().item(), _ROWS):
                out = io.BytesIO()
                frame = rows.slice(start, _ROWS).collect()
                frame.select(_plain(column) for column in frame).write_ndjson(out)
                yield out.getvalue()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DamagedError(f"it cannot be read as parquet: {str(error).splitlines()[0]}") from error


def _plain(column: pl.Series) -> pl.Expr:
    """What JSON has no exact form for, as text: dates as ISO 8601, moments with a zone in UTC, decimals as written,
    bytes in hexadecimal digits."""
    value = pl.col(column.name)
    match column.dtype:
        case pl.Datetime(time_zone=zone):
            utc = value.dt.convert_time_zone("UTC") if zone else value
            return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if zone else ""))
        case pl.Decimal():
            return value.cast(pl.String)
        case pl.Binary():
            return value.bin.encode("hex")
        case pl.Duration():
            return value.dt.total_microseconds().cast(pl.String)
        case pl.Categorical() | pl.Enum():
            return value.cast(pl.String)
    return value
