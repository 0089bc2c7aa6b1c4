"""csv text without a quote: a line is a record and a delimiter is a delimiter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import polars as pl

from dcp_worker.formats.csv.grid import Grid, Ragged
from dcp_worker.formats.csv.regular import read_cells
from dcp_worker.formats.lines import split_lines


def with_lf(data: bytes) -> bytes:
    """The text with every line, also the last, ended by LF. Without quotes nothing else is a line end."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data if data.endswith(b"\n") or not data else data + b"\n"


def read_unquoted(data: bytes, delimiter: str, width: int, wanted: Sequence[int]) -> Grid | None:
    """The cells of text that with_lf returned; None where Polars sees other rows."""
    # What is left after all but delimiters and line ends are deleted tells the cells of each line at once.
    mark = delimiter.encode()
    skeleton = data.translate(None, _all_but(mark + b"\n"))
    empty = mark * (width - 1) + b"\n"
    height = len(skeleton) // len(empty)
    bad: dict[int, int] = {}
    if skeleton != empty * height:
        delimiters = list(map(len, split_lines(skeleton)))
        bad = {index: count + 1 for index, count in enumerate(delimiters) if count != width - 1}
        height = len(delimiters)
    bad |= dict.fromkeys(_blank_lines(data, empty), 0)
    if not bad:
        cells = read_cells(data, height, delimiter, wanted)
        return None if cells is None else Grid(height, pl.int_range(height, eager=True), cells, ())
    return _read_others(split_lines(data), bad, delimiter, wanted)


def _blank_lines(data: bytes, empty: bytes) -> Iterator[int]:
    """The lines that are `empty`: delimiters only, and as many as in every other line."""
    if data.startswith(empty):
        yield 0
    number = start = 0
    while (end_before := data.find(b"\n" + empty, start)) >= 0:
        number += data.count(b"\n", start, end_before + 1)
        start = end_before + 1
        yield number


def _read_others(lines: Sequence[bytes], bad: dict[int, int], delimiter: str, wanted: Sequence[int]) -> Grid | None:
    """The lines that are not at fault, and how many cells the others have."""
    numbers = sorted(bad)
    cells = read_cells(_without(lines, numbers), len(lines) - len(bad), delimiter, wanted)
    if cells is None:
        return None
    mark = delimiter.encode()
    ragged = (Ragged(number, bad[number] if lines[number].strip(mark) else 0) for number in numbers)
    records = pl.int_range(len(lines), eager=True)
    return Grid(len(lines), records.filter(~records.is_in(numbers)), cells, tuple(ragged))


def _without(lines: Sequence[bytes], numbers: Sequence[int]) -> bytes:
    kept = [*lines, b""]
    for number in reversed(numbers):
        del kept[number]
    return b"\n".join(kept)


@lru_cache(64)
def _all_but(kept: bytes) -> bytes:
    return bytes(byte for byte in range(256) if byte not in kept)
