"""Parquet and Excel against files that pyarrow and openpyxl wrote."""

from __future__ import annotations

import datetime
import io
import math
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.opening.decompress import Peekable
from dcp_fetcher.opening.tables.spreadsheet import sheet_lines
from support.batches import format_of
from support.reading import Served, read_file

WHEN = datetime.datetime(2024, 2, 29, 23, 59, 58, 123456)
COLUMNS: dict[str, tuple[pa.DataType, list[Any], list[str | None]]] = {
    "i": (pa.int64(), [2**63 - 1, None, -5], [str(2**63 - 1), None, "-5"]),
    "u": (pa.uint64(), [2**64 - 1, 0, 1], [str(2**64 - 1), "0", "1"]),
    "f": (pa.float64(), [0.1, 1e300, None], ["0.1", "1e+300", None]),
    "d": (pa.decimal128(10, 3), [Decimal("1.100"), Decimal("-7.000"), None], ["1.100", "-7.000", None]),
    "s": (pa.string(), ['é "q"\n', "", None], ['é "q"\n', "", None]),
    "b": (pa.bool_(), [True, False, None], ["true", "false", None]),
    "t": (pa.timestamp("us"), [WHEN, None, None], ["2024-02-29T23:59:58.123456", None, None]),
    "z": (
        pa.timestamp("ms", "Europe/Paris"), [datetime.datetime(2024, 7, 1, tzinfo=datetime.UTC), None, None],
        ["2024-07-01T00:00:00Z", None, None],
    ),
    "day": (pa.date32(), [WHEN.date(), None, None], ["2024-02-29", None, None]),
    "raw": (pa.binary(), [b"\x00\xff", b"", None], ["00ff", "", None]),
    "list": (pa.list_(pa.int32()), [[1, 2], [], None], ["[1,2]", "[]", None]),
    "c": (pa.dictionary(pa.int8(), pa.string()), ["x", "y", "x"], ["x", "y", "x"]),
}  # fmt: skip


def parquet(rows: int = 3) -> bytes:
    arrays = {name: pa.array(values * (rows // 3), type=type_) for name, (type_, values, _) in COLUMNS.items()}
    out = io.BytesIO()
    pq.write_table(pa.table(arrays), out, row_group_size=1000)
    return out.getvalue()


def test_every_type_of_parquet_comes_as_exact_text() -> None:
    result = read_file(parquet(), format_of("parquet"), *COLUMNS)
    expected = list(zip(*(texts for _, _, texts in COLUMNS.values()), strict=True))
    assert result.values == expected


def test_a_large_parquet_file_is_read_in_slices() -> None:
    result = read_file(parquet(60_000), format_of("parquet"), "i", max_records=10_000, chunk=100_000)
    assert (result.read, len(result.rows)) == (60_000, 60_000)


def workbook(rows: list[list[Any]], title: str = "Report") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.create_sheet("Other").append(["x"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_sheet_is_read_by_the_labels_of_its_first_row() -> None:
    raw = workbook([
        ["Seen at", "ip", None, "n", "ok"],
        [WHEN.replace(microsecond=0), "192.0.2.1", "more", 3, True],
        [],
        [datetime.datetime(2024, 1, 1), "é\nü", None, 0.5, False],
    ])  # fmt: skip
    result = read_file(raw, format_of("xlsx"), "Seen at", "ip", "n", "ok", "col3")
    assert result.values == [
        ("2024-02-29T23:59:58", "192.0.2.1", "3", "true", "more"),
        ("2024-01-01T00:00:00", "é\nü", "0.5", "false", None),
    ]
    assert result.codes == {2: "blank-row"}


def test_another_sheet_rows_to_skip_and_labels_by_position() -> None:
    form = format_of("xlsx", sheet="Other", header=False, labels=["a"])
    assert read_file(workbook([["y"]]), form, "a").values == [("x",)]
    form = format_of("xlsx", skipRows=1)
    assert read_file(workbook([["Title"], ["a"], [1]]), form, "a").values == [("1",)]


@pytest.mark.parametrize(
    ("raw", "words", "said"),
    [
        (b"a,b\n1,2\n", {"type": "xlsx"}, "Excel"),
        (b"a,b\n1,2\n", {"type": "parquet"}, "parquet"),
        (workbook([["a"]]), {"type": "xlsx", "sheet": "Nowhere"}, "there are: Report, Other"),
    ],
)
def test_what_is_no_table_is_damaged_and_said_so(raw: bytes, words: dict[str, Any], said: str) -> None:
    with pytest.raises(DamagedError, match=said):
        read_file(raw, format_of(**words), "a")


def test_floats_keep_every_digit() -> None:
    raw = workbook([["n"], [math.pi], [1e-300], [1234567890123456]])
    assert [float(value[0]) for value in read_file(raw, format_of("xlsx"), "n").values] == [
        math.pi,
        1e-300,
        1234567890123456,
    ]


def sheets(*shown: tuple[str, list[list[Any]], str]) -> bytes:
    """A workbook of these: name, rows, state."""
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows, state in shown:
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        for row in rows:
            sheet.append(row)
    book.active = next((number for number, (_, _, state) in enumerate(shown) if state == "visible"), 0)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("parts", "value", "told"),
    [
        ([("A", [["a"], ["x"]], "visible"), ("B", [], "visible")], "x", []),
        ([("Lists", [["a"], ["no"]], "hidden"), ("B", [["a"], ["x"]], "visible")], "x", []),
        ([("L", [["a"], ["no"]], "veryHidden"), ("B", [["a"], ["x"]], "visible"), ("C", [], "visible")], "x", []),
        (
            [("2023", [["a"], ["x"]], "visible"), ("2024", [["a"], ["y"]], "visible"), ("Z", [[1]], "hidden")],
            "x",
            ["only its sheet '2023' is read, of 2 with values: format.sheet; not 2024"],
        ),
    ],
)
def test_the_first_sheet_that_is_shown_is_read_and_others_with_values_are_told(
    parts: list[tuple[str, list[list[Any]], str]], value: str, told: list[str]
) -> None:
    met = LabelsMet(["a"])
    lines = sheet_lines(Peekable(Served(sheets(*parts), 1000)), format_of("xlsx"), met)
    assert (b"".join(iter(lines.read, b"")), met.told) == (f'{{"a":"{value}"}}\n'.encode(), told)


@pytest.mark.parametrize(
    ("raw", "words", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), {"type": "xlsx"}, "old format"),
        (b"id,v\n1,a\n", {"type": "xlsx"}, "it is no Excel workbook .* 'id,v"),
        (workbook([["a"]])[:-400], {"type": "xlsx"}, "cannot be read as an Excel workbook"),
        (workbook([["a"]]), {}, "set format.type to xlsx"),
    ],
)
def test_what_is_another_kind_of_file_is_called_by_its_name(raw: bytes, words: dict[str, Any], said: str) -> None:
    with pytest.raises(DamagedError, match=said):
        read_file(raw, format_of(**words), "a")
