"""csv text without a quote: a line is a record and a delimiter is a delimiter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from operator import not_

import polars as pl

from dcp_worker.formats.grid import Grid, Ragged, in_order
from dcp_worker.formats.lines import split_lines
from dcp_worker.formats.regular import read_regular


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
    if skeleton == line * (len(skeleton) // len(line)):
        return read_regular(data, delimiter, width, wanted, None)
    return _read_ragged(split_lines(data), list(map(len, split_lines(skeleton))), delimiter, width, wanted)


def _read_ragged(
    lines: Sequence[bytes], delimiters: Sequence[int], delimiter: str, width: int, wanted: Sequence[int]
) -> Grid | None:
    whole = list(map((width - 1).__eq__, delimiters))
    kept = b"\n".join(compress(lines, whole))
    regular = read_regular(kept + b"\n" if True in whole else b"", delimiter, width, wanted, None)
    if regular is None:
        return None
    places = pl.Series(compress(range(len(lines)), whole), dtype=pl.Int64)
    ragged = [
        Ragged(index, delimiters[index] + 1 if len(lines[index]) > delimiters[index] else 0)
        for index in compress(range(len(lines)), map(not_, whole))
    ]
    blank = [Ragged(places[each.index], 0) for each in regular.ragged]
    return Grid(len(lines), places.gather(regular.index), regular.cells, in_order(*ragged, *blank))


@lru_cache(64)
def _all_but(kept: bytes) -> bytes:
    return bytes(byte for byte in range(256) if byte not in kept)
