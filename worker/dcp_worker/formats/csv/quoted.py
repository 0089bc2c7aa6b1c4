"""csv text with quotes: cells that are quoted from end to end, or a few quotes among many lines without."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import polars as pl

from dcp_worker.formats.csv.grammar import Dialect, quoted_records
from dcp_worker.formats.csv.grid import Grid, Ragged, column_name, moved
from dcp_worker.formats.csv.reference import csv_rows
from dcp_worker.formats.csv.regular import read_regular
from dcp_worker.formats.csv.unquoted import read_unquoted, with_lf


def read_fully_quoted(data: bytes, delimiter: str, width: int, wanted: Sequence[int]) -> Grid | None:
    """The cells where every cell is quoted from end to end or free of quotes, and a record is a line; else None."""
    if data[-1] not in b"\r\n":
        data += b"\n"
    try:
        regular = pl.Series([data.decode()]).str.contains(_regular_lines(delimiter, width)).item()
    except pl.exceptions.ComputeError:  # a header so wide that the pattern grows past the engine's limit
        return None
    if not regular:
        return None
    data = with_lf(data)
    return read_regular(data, data.count(b"\n"), delimiter, width, wanted)


@lru_cache(64)
def _regular_lines(delimiter: str, width: int) -> str:
    mark = re.escape(delimiter)
    cell = rf'(?:"(?:[^"\r\n]|"")*"|[^"\r\n{mark}]*)'
    return rf"\A(?:{cell}(?:{mark}{cell}){{{width - 1}}}(?:\r\n|\r|\n))*\z"


def read_sparsely_quoted(data: bytes, dialect: Dialect, width: int, wanted: Sequence[int]) -> Grid | None:
    """The cells where few records have quotes: those go through Python's csv module one by one.

    None where one of them is broken: it is to be masked first.
    """
    stretches: list[bytes] = []
    quoted: dict[int, list[str]] = {}
    position = count = 0
    for place in quoted_records(data, dialect):
        if place.broken:
            return None
        stretches.append(with_lf(data[position : place.start]))
        count += stretches[-1].count(b"\n")
        quoted[count] = next(csv_rows(_lines(data[place.start : place.end]), dialect.delimiter))
        position, count = place.end, count + 1
    stretches.append(with_lf(data[position:]))
    others = read_unquoted(b"".join(stretches), dialect.delimiter, width, wanted)
    if others is None:
        return None
    return _merged(others, quoted, width, wanted)


def _lines(record: bytes) -> Iterable[str]:
    return io.StringIO(record.decode(), newline="")


def _merged(others: Grid, quoted: dict[int, list[str]], width: int, wanted: Sequence[int]) -> Grid:
    count = others.count + len(quoted)
    all_records = pl.int_range(count, eager=True)
    places = all_records.filter(~all_records.is_in(list(quoted)))
    good = {index: row for index, row in quoted.items() if len(row) == width and any(row)}
    bad = [Ragged(index, len(row) if any(row) else 0) for index, row in quoted.items() if index not in good]
    cells = pl.DataFrame(
        {column_name(position): [row[position] for row in good.values()] for position in wanted},
        schema=dict.fromkeys(map(column_name, wanted), pl.String),
    )
    return Grid(
        count,
        places.gather(others.index).append(pl.Series(list(good), dtype=pl.Int64)),
        others.cells.vstack(cells) if wanted else others.cells,
        (*moved(others.ragged, places), *bad),
    )
