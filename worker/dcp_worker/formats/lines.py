"""Lines of bytes, and csv records that go past theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcp_worker.formats.csv.reference import csv_rows

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)?")


def split_lines(data: bytes) -> list[bytes]:
    """Lines without their LF. What follows the last LF is a line only if it has a byte."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def quoted_records(data: bytes, delimiter: str, encoding: str) -> Iterator[tuple[int, int, list[str]]]:
    """(start, end, cells) of the records that start on a line with a quote.

    Every other record is a line, for a record that starts on a line without a quote ends with it.
    """
    position = 0
    while (quote := data.find(b'"', position)) >= 0:
        start = 1 + max(data.rfind(b"\n", position, quote), data.rfind(b"\r", position, quote), position - 1)
        cells, position = _read_record(data, start, delimiter, encoding)
        yield start, position, cells


def _read_record(data: bytes, start: int, delimiter: str, encoding: str) -> tuple[list[str], int]:
    """The record that starts there, and where it ends."""
    end = start

    def lines() -> Iterator[str]:
        nonlocal end
        while end < len(data):
            line = _LINE.match(data, end)
            assert line is not None
            end = line.end()
            yield line.group().decode(encoding)

    return next(csv_rows(lines(), delimiter)), end
