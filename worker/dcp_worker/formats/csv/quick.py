"""The quick csv reader: Polars, where it is proven to read what Python's csv module would read.

It gives up (None) where it cannot prove that; then exact.py reads the batch. unquoted.py and quoted.py are its
two cases.
"""

from __future__ import annotations

from collections.abc import Sequence

from dcp_worker.formats.csv.grammar import Dialect, few_quotes
from dcp_worker.formats.csv.grid import Grid
from dcp_worker.formats.csv.quoted import read_fully_quoted, read_sparsely_quoted
from dcp_worker.formats.csv.unquoted import read_unquoted, with_lf

_BOM = b"\xef\xbb\xbf"


def read_quick(data: bytes, dialect: Dialect, width: int, wanted: Sequence[int]) -> Grid | None:
    """The cells of UTF-8 text, or None where only the exact reader is known to be right."""
    if not dialect.plain:
        return None
    if data.startswith(_BOM):  # Polars skips it; inside an object it is part of a cell
        return None
    if not dialect.quote or b'"' not in data:
        return read_unquoted(with_lf(data), dialect.delimiter, width, wanted)
    if few_quotes(data):
        return read_sparsely_quoted(data, dialect, width, wanted)
    return read_fully_quoted(data, dialect.delimiter, width, wanted)
