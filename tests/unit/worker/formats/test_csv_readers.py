"""The quick and the exact csv reader agree with each other and with Python's csv module."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_worker.formats.csv.exact import read_exact
from dcp_worker.formats.csv.grammar import Dialect, broken_in, records_in
from dcp_worker.formats.csv.grid import Grid
from dcp_worker.formats.csv.quick import read_quick
from dcp_worker.formats.csv.quoted import read_fully_quoted, read_sparsely_quoted
from dcp_worker.formats.csv.unquoted import read_unquoted, with_lf
from dcp_worker.formats.spans import csv_spans

PIECES = [
    "a",
    "b ",
    " ",
    "é",
    "𝄞",
    "\u2028",
    "\x0b",
    "\x1c",
    ",",
    ",",
    ",",
    ";",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\\",
    "'",
    "#",
]
unquoted_texts = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
any_texts = st.lists(st.sampled_from([*PIECES, '"', '"', '""', '",', ',"', '"\n', '\n"', '",\n"']), max_size=60).map(
    "".join
)
cells = st.text(st.sampled_from('ab ",\né;'), max_size=6)
widths = st.integers(1, 4)


COMMA = Dialect(",")
LENIENT = Dialect(",", lenient=True)


def by_position(grid: Grid) -> tuple[int, dict[int, tuple[str, ...]], dict[int, int]]:
    rows = (
        dict(zip(grid.index.to_list(), grid.cells.rows(), strict=True))
        if grid.cells.width
        else dict.fromkeys(grid.index.to_list(), ())
    )
    return grid.count, rows, {each.index: each.cells for each in grid.ragged}


def expected(
    text: str, width: int, wanted: list[int], delimiter: str = ","
) -> tuple[int, dict[int, tuple[str, ...]], dict[int, int]]:
    records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    rows = {n: tuple(row[w] for w in wanted) for n, row in enumerate(records) if len(row) == width and any(row)}
    ragged = {n: len(row) if any(row) else 0 for n, row in enumerate(records) if len(row) != width or not any(row)}
    return len(records), rows, ragged


@settings(max_examples=60, deadline=None)
@given(unquoted_texts, widths, st.data())
def test_text_without_quotes_is_always_read_quickly_and_right(text: str, width: int, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, width - 1), unique=True).map(sorted))
    grid = read_unquoted(with_lf(text.encode()), ",", width, wanted)
    assert grid is not None
    assert by_position(grid) == expected(text, width, wanted)


@settings(max_examples=60, deadline=None)
@given(any_texts, widths, st.data())
def test_every_reader_that_does_not_give_up_agrees_with_the_csv_module(
    text: str, width: int, data: st.DataObject
) -> None:
    wanted = data.draw(st.lists(st.integers(0, width - 1), unique=True).map(sorted))
    raw, want = text.encode(), expected(text, width, wanted)
    if any(place.broken for place in records_in(raw, LENIENT)):  # an open quote, which the fetcher cuts alone
        return
    assert by_position(read_exact(raw, {"delimiter": ","}, width, wanted)) == want
    if raw:
        sparse = read_sparsely_quoted(raw, LENIENT, width, wanted)
        assert sparse is not None
        assert by_position(sparse) == want
    grids = [read_quick(raw, LENIENT, width, wanted), read_fully_quoted(raw, ",", width, wanted) if raw else None]
    assert all(by_position(grid) == want for grid in grids if grid is not None)
    if not broken_in(raw, COMMA):
        grid = read_quick(raw, COMMA, width, wanted)
        assert grid is None or by_position(grid) == want


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(cells, min_size=3, max_size=3), max_size=8),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_a_csv_writer_wrote_comes_back(rows: list[list[str]], quoting: int, end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, lineterminator=end).writerows(rows)
    want = expected(out.getvalue(), 3, [0, 2])
    raw = out.getvalue().encode()
    for grid in (read_quick(raw, COMMA, 3, [0, 2]), read_exact(raw, {"delimiter": ","}, 3, [0, 2])):
        assert grid is None or by_position(grid) == want


@pytest.mark.parametrize("delimiter", list(",;\t |^-]&~<%.*\\x0:$"))
def test_any_ascii_delimiter_is_a_delimiter_and_nothing_else(delimiter: str) -> None:
    line = delimiter.join(["q", "", "r"])
    quoted = delimiter.join(['"q"', '""', '"r"'])
    for text in (f"{line}\n{line}\n", f"{quoted}\n{line}\n"):
        grid = read_quick(text.encode(), Dialect(delimiter), 3, [0, 1, 2])
        assert grid is not None
        assert (
            by_position(grid)
            == expected(text, 3, [0, 1, 2], delimiter)
            == (2, {0: ("q", "", "r"), 1: ("q", "", "r")}, {})
        )


def test_fully_quoted_feeds_are_read_by_polars() -> None:
    grid = read_fully_quoted(b'"a","b ""x"" , y",""\r\n"c",,"d"', ",", 3, [0, 1, 2])
    assert grid is not None
    assert grid.cells.rows() == [("a", 'b "x" , y', ""), ("c", "", "d")]


def test_a_cell_longer_than_the_csv_modules_limit_is_read_and_the_limit_stays() -> None:
    before = csv.field_size_limit()
    long = "x" * 300_000
    grid = read_exact(f'"{long}\n",b\n'.encode(), {"delimiter": ","}, 2, [0])
    assert grid.cells.rows() == [(f"{long}\n",)]
    assert csv.field_size_limit() == before


@settings(max_examples=60, deadline=None)
@given(any_texts)
def test_spans_cut_the_bytes_where_the_csv_module_cuts_records(text: str) -> None:
    raw = text.encode()
    if any(place.broken for place in records_in(raw, LENIENT)):
        return
    records = list(csv.reader(io.StringIO(text, newline="")))
    spans = csv_spans(raw, LENIENT)
    assert len(spans) == len(records)
    after = [*(span.start for span in spans[1:]), len(raw)][: len(records)]
    for record, span, next_start in zip(records, spans, after, strict=True):
        assert next(csv.reader(io.StringIO(raw[span.start : next_start].decode(), newline=""))) == record
        assert raw[span.end : next_start] in (b"", b"\n", b"\r", b"\r\n")
        assert span.line == len(raw[: span.start].splitlines())
