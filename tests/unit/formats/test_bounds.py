"""What is small to send and endless to hold is refused, told as what it is, or given in bounded pieces."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import polars as pl
import pytest
from openpyxl import Workbook

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.opening.tables.parquet import parquet_lines
from dcp_fetcher.opening.tables.spreadsheet import sheet_lines
from support.batches import format_of


def workbook_of(*cells: tuple[int, int, object]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row, column, value in cells:
        book.active.cell(row, column, value)
    book.save(out)
    return out.getvalue()


def lines(raw: bytes) -> bytes:
    stream = sheet_lines(io.BytesIO(raw), format_of("xlsx"), LabelsMet(None))
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


@pytest.mark.parametrize("far", [(1_048_576, 16_384), (1_048_576, 40), (200, 16_384), (1_048_576, 3)])
def test_one_cell_far_away_is_refused_before_room_is_made_for_what_lies_between(far: tuple[int, int]) -> None:
    with pytest.raises(DamagedError, match=rf"spans {far[0]:,} rows and {far[1]:,} columns"):
        lines(workbook_of((1, 1, "a"), (2, 1, 1), (*far, "x")))


def test_a_table_with_room_around_it_is_read() -> None:
    assert lines(workbook_of((1, 1, "a"), (1, 2, "b"), (30_000, 2, 7))).endswith(b'{"b":7}\n')
    full = [(1, column, f"c{column}") for column in range(1, 60)]
    assert lines(workbook_of(*full, (9_000, 59, "x"))).endswith(b'{"c59":"x"}\n')


def test_a_workbook_whose_sizes_are_not_what_it_says_is_refused() -> None:
    raw = workbook_of((1, 1, "a"), (2, 1, 1))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        size = next(each for each in archive.infolist() if "sheet1" in each.filename).file_size
    with pytest.raises(DamagedError, match="cannot be read as an Excel workbook"):
        lines(raw.replace(size.to_bytes(4, "little"), (size - 50).to_bytes(4, "little")))


def test_a_parquet_of_a_value_repeated_comes_in_bounded_pieces() -> None:
    out, rows, length = io.BytesIO(), 80, 1 << 20
    pl.DataFrame({"a": ["x" * length] * rows}).write_parquet(out)
    assert len(out.getvalue()) < 100_000
    stream, given = parquet_lines(io.BytesIO(out.getvalue()), LabelsMet(None)), 0
    tracemalloc.start()
    try:
        while piece := stream.read(64 << 20):
            given += len(piece)
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()
    assert given == rows * (length + len('{"a":""}\n'))
