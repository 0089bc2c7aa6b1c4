"""csv with other quotes, escapes or blanks than RFC 4180's: Python's csv module, with the words of the format."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from dcp_worker.formats.csv.delimited import DelimitedReader
from dcp_worker.formats.csv.exact import grid_of
from dcp_worker.formats.csv.grid import Grid
from dcp_worker.formats.csv.reference import dialect_rows
from dcp_worker.formats.spans import Span


class DialectReader(DelimitedReader, frozen=True):
    """Reads batches of one dialect. `words` are those of csv.reader."""

    words: Mapping[str, Any]

    def grid(self, data: bytes, width: int, wanted: Sequence[int]) -> Grid:
        """The cells of UTF-8 text."""
        return grid_of(list(dialect_rows(io.StringIO(data.decode(), newline=""), self.words)), width, wanted)

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in the batch's bytes."""
        lines = io.StringIO(raw.decode("latin-1"), newline="").readlines()  # each byte is a character
        starts = [0, *accumulate(map(len, lines))]
        rows = dialect_rows(lines, self.words)
        spans, first = [], 0
        for _ in rows:
            after = rows.line_num
            spans.append(Span(starts[first], starts[after] - len(_line_end(lines[after - 1])), first))
            first = after
        return spans

    def row(self, text: str) -> list[str]:
        """The cells of one record."""
        return next(iter(dialect_rows(io.StringIO(text, newline=""), self.words)), [])


def _line_end(line: str) -> str:
    found = re.search(r"(?:\r\n|\r|\n)\Z", line)
    return found[0] if found else ""
