"""What a workbook or a Parquet file has and a table of values has not: errors, formulas, NaN, more digits than a float."""

from __future__ import annotations

import datetime
import io
import re
import uuid
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dcp_fetcher.cutting.split import Splitter
from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.reading import CHUNK_BYTES, Content, HowToCut
from dcp_fetcher.sites.site import Opened
from dcp_pipeline.spec.model import BatchSize, Decompression
from dcp_pipeline.spec.wanted_labels import WantedLabels
from support.batches import cleaning_of, format_of
from support.reading import Served, clean_cuts, read_file


def workbook(rows: list[list[Any]], cells: dict[str, str] | None = None, prefix: str = "") -> bytes:
    """A workbook in which some cells' XML is as given: Excel writes what openpyxl cannot."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    written, out = io.BytesIO(), io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            raw = source.read(name)
            if name.endswith("sheet1.xml"):
                for place, xml in (cells or {}).items():
                    cell = rb'<c r="%s"[^>]*?(?:/>|>.*?</c>)' % place.encode()
                    assert re.search(cell, raw), (place, raw)
                    raw = re.sub(cell, lambda _, xml=xml: xml.encode(), raw)
                if prefix:
                    raw = re.sub(rb"<(/?)(?=[a-z])", rb"<\1" + prefix.encode() + b":", raw).replace(
                        b"xmlns=", b"xmlns:x="
                    )
            target.writestr(name, raw)
    return out.getvalue()


ODD = {
    "B2": '<c r="B2" t="e"><v>#N/A</v></c>',
    "B3": '<c r="B3" t="e"><f>1/0</f><v>#DIV/0!</v></c>',
    "B4": '<c r="B4"><f>1+1</f><v>2</v></c>',
    "B5": '<c r="B5"><f>A5*2</f></c>',
    "B6": '<c r="B6" t="str"><f>""</f><v></v></c>',
    "B7": '<c r="B7"><v>1413617112501850121</v></c>',
    "B8": '<c r="B8"><v>0.30000000000000004</v></c>',
    "B9": '<c r="B9"><v>1.41361711250185E+18</v></c>',
}
ROWS = [["id", "v"], *([number, "x"] for number in range(2, 10))]


@pytest.mark.parametrize("prefix", ["", "x"])
def test_errors_formulas_and_long_numbers_of_a_sheet_are_told_as_they_stand(prefix: str) -> None:
    values = [value for _, value in read_file(workbook(ROWS, ODD, prefix), format_of("xlsx"), "id", "v").values]
    assert values == [
        "#N/A", "#DIV/0!", "2", "=A5*2", None, "1413617112501850121", "0.30000000000000004", "1413617112501850000",
    ]  # fmt: skip


def test_an_error_at_the_edge_and_one_without_its_place_are_found() -> None:
    cells = {"C2": '<c t="e"><v>#REF!</v></c>', "C3": '<c r="C3"><f>NOW()</f><v/></c>'}
    raw = workbook([["a", "b", "c"], [1, 2, "x"], [None, None, "x"]], cells)
    assert read_file(raw, format_of("xlsx"), "a", "c").values == [("1", "#REF!"), (None, "=NOW()")]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("702981.93999999994", "702981.94"),  # as Excel writes it
        ("702981.9399999999", "702981.94"),  # as openpyxl does
        ("-538984.18000000005", "-538984.18"),
        ("9.9999999999999995E-8", "0.0000001"),
        ("12345678901234.567", "12345678901234.567"),
        ("12345678901234567.89", "12345678901234567.89"),
    ],
)
def test_a_fraction_has_the_digits_that_a_spreadsheet_shows_of_its_float(written: str, told: str) -> None:
    raw = workbook([["n", "v"], [1, 2]], {"B2": f'<c r="B2"><v>{written}</v></c>'})
    assert read_file(raw, format_of("xlsx"), "n", "v").values == [("1", told)]


def test_a_date_with_a_long_fraction_stays_a_date() -> None:
    moment = datetime.datetime(2024, 2, 1, 22, 16, 17)
    raw = workbook([["at", "n"], [moment, 1]], {"B2": '<c r="B2"><v>12345678901234567</v></c>'})
    assert read_file(raw, format_of("xlsx"), "at", "n").values == [("2024-02-01T22:16:17", "12345678901234567")]


@pytest.mark.parametrize(
    ("number", "looks", "told"),
    [
        (-0.25, "hh:mm", "-0.25"),
        (-1, "yyyy-mm-dd", "-1"),
        (60, "yyyy-mm-dd", "60"),
        (60.5, "yyyy-mm-dd hh:mm", "60.5"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (0.25, "hh:mm", "06:00:00"),
        (-7, "0.00", "-7"),
        (60, "General", "60"),
    ],
)
def test_a_number_that_is_no_moment_is_told_as_it_stands_whatever_its_format(
    number: float, looks: str, told: str
) -> None:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["a", "b"])
    book.active.append([number, 0.5])
    book.active["A2"].number_format, book.active["B2"].number_format = looks, "hh:mm"
    book.save(out)
    assert read_file(out.getvalue(), format_of("xlsx"), "a", "b").values == [(told, "12:00:00")]


def test_a_text_of_an_error_goes_to_the_type_check_and_is_no_missing_value() -> None:
    result = typed(workbook(ROWS, ODD), "xlsx", {"name": "v", "type": "number"})
    assert [(each.code, each.field) for each in result] == [("type-error", "v")] * 3 + [("constraint-error", "v")]


def typed(raw: bytes, type_: str, *fields: dict[str, Any]) -> list[Any]:
    """The rejects of a file that is read by these fields."""
    from dcp_worker.clean.plan import CleaningPlan
    from support.reading import batch_of_cut

    form, cuts = format_of(type_), cuts_of(raw, type_, *fields)
    plan = CleaningPlan.compile(cleaning_of(*fields), form)
    return [reject for cut in cuts for reject in plan.clean(batch_of_cut(cut, None)).rejects]


def cuts_of(raw: bytes, type_: str, *fields: dict[str, Any]) -> list[Any]:
    form = format_of(type_)
    how = HowToCut(form, BatchSize(), Decompression(), labels=WantedLabels.of(cleaning_of(*fields)))
    content, splitter = Content(Opened("1", Served(raw, 1000)), how), Splitter(form, how.batch)
    cuts = []
    while data := content.read(CHUNK_BYTES):
        cuts += splitter.feed(data)
    return cuts + splitter.finish()


def test_a_label_that_stands_twice_matters_only_where_it_is_wanted() -> None:
    raw = workbook([["ip", "note", "note"], ["192.0.2.1", "x", "y"]])
    cuts = cuts_of(raw, "xlsx", {"name": "ip"})
    assert clean_cuts(cuts, None, format_of("xlsx"), ("ip", "note", "col3")).values == [("192.0.2.1", "x", "y")]
    with pytest.raises(DamagedError, match="stand twice in the sheet's header: note"):
        cuts_of(raw, "xlsx", {"name": "ip"}, {"name": "note"})


def length(raw: bytes) -> int:
    """Of a Parquet file's footer."""
    return int.from_bytes(raw[-8:-4], "little")


def parquet(store_schema: bool = True, **columns: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(
        pa.table(columns), out, use_deprecated_int96_timestamps="int96" in columns, store_schema=store_schema
    )
    return out.getvalue()


MOMENTS = [
    datetime.datetime(1, 1, 1),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(1600, 6, 1, 12),
]
ID = uuid.UUID("6f1c9f4e-0d7e-4d5c-9d0a-3b1f2a4c5d6e")


@pytest.mark.parametrize("store_schema", [True, False])
def test_int96_holds_all_the_years_that_it_can(store_schema: bool) -> None:
    moments = pa.array(MOMENTS, pa.timestamp("us"))
    lists = pa.array([[each] for each in MOMENTS], pa.list_(pa.timestamp("us")))
    result = read_file(parquet(store_schema, int96=moments, inside=lists), format_of("parquet"), "int96", "inside")
    texts = ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "1600-06-01T12:00:00"]
    assert result.values == [(text, f'["{text}"]') for text in texts]


@pytest.mark.parametrize("store_schema", [True, False])
def test_uuids_have_dashes_and_json_is_text(store_schema: bool) -> None:
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([ID.bytes, None], pa.binary(16)))
    documents = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": "\u00e9"}', None]))
    bare = pa.array([ID.bytes, None], pa.binary(16))
    result = read_file(
        parquet(store_schema, id=ids, doc=documents, bare=bare), format_of("parquet"), "id", "doc", "bare"
    )
    assert result.values == [(str(ID), '{"a": "\u00e9"}', ID.hex), (None, None, None)]


def test_numbers_that_are_none_are_never_missing_values() -> None:
    floats = pa.array([float("nan"), float("inf"), float("-inf"), 1.5, None])
    nested = pa.array([[float("nan"), 1.0]] * 5, pa.list_(pa.float32()))
    raw = parquet(f=floats, g=nested)
    result = read_file(raw, format_of("parquet"), "f", "g")
    assert [f for f, _ in result.values] == ["NaN", "Infinity", "-Infinity", "1.5", None]
    assert {g for _, g in result.values} == {'["NaN",1.0]'}
    rejects = typed(raw, "parquet", {"name": "f", "type": "number"}, {"name": "g"})
    assert [(each.code, each.record) for each in rejects] == [("type-error", n) for n in (1, 2, 3)]


def test_bytes_and_decimals_inside_other_values_are_told_exactly() -> None:
    kind = pa.struct([("b", pa.binary()), ("m", pa.decimal128(30, 2)), ("t", pa.timestamp("us", "Europe/Paris"))])
    moment = datetime.datetime(2024, 2, 1, 12, tzinfo=datetime.UTC)
    records = pa.array([{"b": b"\x00\xff", "m": Decimal("1.10"), "t": moment}, None], kind)
    mapped = pa.array([[("k", b"\x01")], None], pa.map_(pa.string(), pa.binary()))
    raw = parquet(rec=records, map=mapped, n=pa.array([1, 2]))
    result = read_file(raw, format_of("parquet"), "rec.b", "rec.m", "rec.t", "map.k", "n")
    assert result.values == [("00ff", "1.10", "2024-02-01T12:00:00Z", "01", "1"), (None, None, None, None, "2")]
    assert read_file(parquet(b=pa.array([[b"\x02"]], pa.list_(pa.binary()))), format_of("parquet"), "b").values == [
        ('["02"]',)
    ]


def test_a_decimal_too_long_to_be_read_is_named_where_it_is_wanted_and_left_out_where_not() -> None:
    raw = parquet(id=pa.array([1]), amount=pa.array([Decimal("1.25")], pa.decimal256(50, 2)))
    assert clean_cuts(cuts_of(raw, "parquet", {"name": "id"}), None, format_of("parquet"), ("id",)).values == [("1",)]
    with pytest.raises(DamagedError, match=r"the column 'amount' is of type Decimal.*38 digits"):
        cuts_of(raw, "parquet", {"name": "id"}, {"name": "amount"})


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-9],
        lambda raw: raw[: -8 - length(raw)] + b"\x0f" * length(raw) + raw[-8:],
        lambda raw: b"PAR1" * 3,
    ],
)
def test_a_damaged_footer_is_told(damage: Any) -> None:
    with pytest.raises(DamagedError, match="parquet"):
        read_file(damage(parquet(id=pa.array([1, 2]))), format_of("parquet"), "id")
