"""csv text without a quote: a line is a record and a delimiter is a delimiter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from operator import and_, gt, not_

import polars as pl

from dcp_worker.formats.grid import Grid, Ragged
from dcp_worker.formats.lines import split_lines
from dcp_worker.formats.regular import read_regular, read_regular_cells


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
    line = mark * (width - 1) + b"\n"
    height = len(skeleton) // len(line)
    if skeleton == line * height:
        return read_regular(data, height, delimiter, width, wanted, None)
    return _read_ragged(split_lines(data), list(map(len, split_lines(skeleton))), delimiter, width, wanted)


def _read_ragged(
    lines: Sequence[bytes], delimiters: Sequence[int], delimiter: str, width: int, wanted: Sequence[int]
) -> Grid | None:
    has_value = map(gt, map(len, lines), delimiters)
    good = list(map(and_, map((width - 1).__eq__, delimiters), has_value))
    places = list(compress(range(len(lines)), good))
    kept = b"".join(map(b"%b\n".__mod__, compress(lines, good)))
    cells = read_regular_cells(kept, len(places), delimiter, wanted)
    if cells is None:
        return None
    ragged = (
        Ragged(index, delimiters[index] + 1 if len(lines[index]) > delimiters[index] else 0)
        for index in compress(range(len(lines)), map(not_, good))
    )
    return Grid(len(lines), pl.Series(places, dtype=pl.Int64), cells, tuple(ragged))


@lru_cache(64)
def _all_but(kept: bytes) -> bytes:
    return bytes(byte for byte in range(256) if byte not in kept)
