"""From a batch to rows, rejects and duplicates: what a bad record becomes, and where it is said to stand."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from dcp_pipeline.batch import RAW_KEPT_BYTES, digest_of
from dcp_pipeline.ledger.model import Reject
from dcp_worker.clean.plan import ID, RECORD, CleanedBatch, CleaningPlan
from dcp_worker.clean.preview import clean_preview
from dcp_worker.formats.records import FormatError
from dcp_worker.ground.errors import PlanError
from dcp_worker.ground.limits import ColumnLimit
from support.batches import batch_of, cleaning_of, format_of

A, B, C = {"name": "a"}, {"name": "b"}, {"name": "c"}


def plan_of(
    *fields: dict[str, Any], limits: dict[str, ColumnLimit] | None = None, format: Any = None, **cleaning: Any
) -> CleaningPlan:
    return CleaningPlan.compile(cleaning_of(*fields, **cleaning), format or format_of(), limits=limits or {})


def cleaned(raw: bytes, *fields: dict[str, Any], header: str = "a,b,c", **others: Any) -> CleanedBatch:
    result = plan_of(*fields or (A, B, C), **others).clean(batch_of(raw, header))
    assert result.read == result.rows.height + result.duplicates + len(result.rejects)
    return result


def rows(result: CleanedBatch) -> list[tuple[Any, ...]]:
    """In the records' order, without identity."""
    return result.rows.sort(RECORD).drop(ID, RECORD).rows()


def codes(result: CleanedBatch) -> list[tuple[int, str]]:
    return [(reject.record, reject.code) for reject in result.rejects]


def only(result: CleanedBatch) -> Reject:
    (reject,) = result.rejects
    return reject


def test_rows_have_the_fields_in_order_typed_with_identity_and_record() -> None:
    fields = ({"name": "n", "from": "b", "type": "integer"}, {"name": "t", "from": "c", "type": "datetime"}, A)
    result = plan_of(*fields).clean(batch_of(b"x,1,2024-01-01 00:00:00\ny,,\n", first_record=501))
    assert result.rows.schema == {
        "n": pl.Int64,
        "t": pl.Datetime("us"),
        "a": pl.String,
        ID: pl.Binary,
        RECORD: pl.Int64,
    }
    assert rows(result) == [(1, datetime(2024, 1, 1), "x"), (None, None, "y")]
    assert sorted(result.rows[RECORD]) == [501, 502]
    assert result.rows[ID].is_sorted()
    assert set(result.rows[ID].bin.size()) == {16}


def test_columns_are_found_by_label_in_any_order_and_others_are_ignored() -> None:
    assert rows(cleaned(b"3,?,1,2\n", A, B, C, header="c,new,a,b")) == [("1", "2", "3")]


def test_an_optional_field_without_a_label_is_null() -> None:
    assert rows(cleaned(b"1,2,3\n", A, {"name": "d"})) == [("1", None)]


def test_records_under_a_header_with_none_of_the_labels_are_rejected_and_not_stored_as_nulls() -> None:
    result = cleaned(b"1,2,3\n\n1,2\n", {"name": "x"})
    assert rows(result) == []
    assert codes(result) == [(1, "missing-label"), (2, "blank-row"), (3, "missing-cell")]
    assert "none of the fields' labels (x) is in the header: a, b, c" in result.rejects[0].reason


def test_a_required_field_without_a_label_rejects_each_record() -> None:
    result = cleaned(b"1,2,3\n\n4,5,6\n", A, {"name": "d", "constraints": {"required": True}})
    assert codes(result) == [(1, "missing-label"), (2, "blank-row"), (3, "missing-label")]
    assert result.rejects[0].field == "d"
    assert "'d' is not in the header: a, b, c" in result.rejects[0].reason


def test_a_label_that_stands_twice_rejects_each_record_only_where_a_field_uses_it() -> None:
    assert codes(cleaned(b"1,2,3\n", A, header="a,b,a")) == [(1, "duplicate-label")]
    assert rows(cleaned(b"1,2,3\n", B, header="a,b,a")) == [("2",)]


def test_labels_that_look_like_patterns_are_labels() -> None:
    fields = ({"name": "x", "from": "*"}, {"name": "y", "from": "^.*$"})
    assert rows(cleaned(b"1,2,3\n", *fields, header="^.*$,*,c")) == [("2", "1")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_ragged_and_blank_rows_are_rejected_with_their_bytes_and_place(end: bytes) -> None:
    lines = [b"1,2,3", b"", b",,", b"1,2", b"1,2,3,4", b"4,5,6"]
    raw = end.join(lines)
    result = plan_of(A, B, C).clean(batch_of(raw, start=100, first_record=11, first_line=20))
    assert rows(result) == [("1", "2", "3"), ("4", "5", "6")]
    want = [
        (12, 21, "blank-row", b""),
        (13, 22, "blank-row", b",,"),
        (14, 23, "missing-cell", b"1,2"),
        (15, 24, "extra-cell", b"1,2,3,4"),
    ]
    assert [(each.record, each.line, each.code, each.raw) for each in result.rejects] == want
    for each in result.rejects:
        assert raw[each.start - 100 :].startswith(each.raw)
        assert (each.raw_bytes, each.raw_digest) == (len(each.raw), digest_of(each.raw))
    assert result.rejects[2].reason == "cells: 2, labels in the header: 3"


def test_a_row_whose_only_values_nobody_asks_for_is_not_blank() -> None:
    result = cleaned(b",,x\n,,\n", A, B)
    assert (rows(result), codes(result)) == ([(None, None)], [(2, "blank-row")])


@pytest.mark.parametrize("dense", [True, False])
def test_a_record_over_several_lines_counts_its_lines(dense: bool) -> None:
    many = b"" if dense else b"1,2,3\n" * 200
    raw = many + b'1,"x\r\ny\nz",3\n4,5\n"",,""\n"7","8""8","9"\n'
    result = plan_of(A, B, C).clean(batch_of(raw))
    assert rows(result)[-2:] == [("1", "x\r\ny\nz", "3"), ("7", '8"8', "9")]
    first = 200 * (not dense)
    assert [(each.record, each.line, each.raw) for each in result.rejects] == [
        (first + 2, first + 5, b"4,5"),
        (first + 3, first + 6, b'"",,""'),
    ]


def test_a_quote_inside_an_unquoted_cell_is_a_character() -> None:
    assert rows(cleaned(b'a"b,2 "x",3\n')) == [('a"b', '2 "x"', "3")]


def test_bytes_of_another_encoding_and_nuls_reject_their_records_alone() -> None:
    raw = b"1,2,3\r\nx,\xff\xfe,z\r\n4,\0,6\r\n\xc3\xa9,8,9\r\n"
    result = cleaned(raw)
    assert rows(result) == [("1", "2", "3"), ("é", "8", "9")]
    assert codes(result) == [(2, "encoding-error"), (3, "encoding-error")]
    assert [each.raw for each in result.rejects] == [b"x,\xff\xfe,z", b"4,\0,6"]
    assert result.rejects[0].reason == "byte 0xff at position 2 of the record is not utf-8"
    assert result.rejects[1].reason == "holds a NUL at position 2 of the record"


def test_a_bad_record_between_a_cr_and_an_lf_does_not_merge_its_neighbours() -> None:
    result = cleaned(b"1,2,3\r\0\n\n4,5,6\n")
    assert codes(result) == [(2, "encoding-error"), (3, "blank-row")]
    assert rows(result) == [("1", "2", "3"), ("4", "5", "6")]


def test_a_bad_record_over_several_lines_is_one_reject() -> None:
    result = cleaned(b'1,"\xff\n\n",3\n4,5,6\n')
    assert (only(result).raw, rows(result)) == (b'1,"\xff\n\n",3', [("4", "5", "6")])


def test_a_batch_in_which_no_record_can_be_decoded_is_all_rejects() -> None:
    assert len(cleaned(b"\xff,2,3\n" * 300).rejects) == 300


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "é\x85,ü,ß"),
        ("cp1251", "ж,й,щ"),
        ("gbk", "中,文,乗"),
        ("shift_jis", "表,ソ,十"),
        ("utf-8", "é,𝄞,\u2028"),
    ],
)
def test_cells_are_decoded(encoding: str, text: str) -> None:
    raw = f"{text}\n\n".encode(encoding)
    result = cleaned(raw, format=format_of(encoding=encoding))
    assert (rows(result), codes(result)) == ([tuple(text.split(","))], [(2, "blank-row")])


def test_a_byte_that_the_encoding_does_not_know_is_an_encoding_error() -> None:
    assert only(cleaned(b"\x81,2,3\n", format=format_of(encoding="cp1252"))).code == "encoding-error"


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [
        ("utf-7", ","),
        ("hz", ","),
        ("iso2022_jp", ","),
        ("cp037", ","),
        ("nonsense", ","),
        ("gbk", "|"),
        ("rot13", ","),
    ],
)
def test_an_encoding_in_which_bytes_cannot_be_cut_is_refused(encoding: str, delimiter: str) -> None:
    with pytest.raises(PlanError, match=r"^spec.sources\[\].format.encoding: "):
        plan_of(A, format=format_of(encoding=encoding, delimiter=delimiter))


def test_a_byte_order_mark_is_part_of_a_cell_only_inside_of_a_record() -> None:
    assert rows(cleaned("\ufeff1,2,3\n4,\ufeff5,6\n".encode())) == [("1", "2", "3"), ("4", "\ufeff5", "6")]


@pytest.mark.parametrize(("word", "mark"), [("escapeChar", "\\"), ("quoteChar", "|")])
def test_a_character_that_may_be_half_of_another_neither_quotes_nor_escapes(word: str, mark: str) -> None:
    with pytest.raises(PlanError, match=rf"format.{word}: .*half of a character"):
        plan_of(A, format=format_of(encoding="shift_jis", **{word: mark}))
    plan_of(A, format=format_of(encoding="euc_jp", **{word: mark}))


def test_a_defect_is_one_reject_with_what_was_kept_of_it() -> None:
    batch = batch_of(
        b'x,"' * 40_000, start=10, end=2_000_010, defect="longer than maxRecordBytes", first_record=7, first_line=9
    )
    result = plan_of(A).clean(batch)
    reject = only(result)
    assert (result.read, result.rows.height, result.duplicates) == (1, 0, 0)
    assert (reject.record, reject.line, reject.code, reject.reason) == (7, 9, "row-error", "longer than maxRecordBytes")
    assert (len(reject.raw), reject.raw_bytes, reject.raw_digest, reject.start) == (
        RAW_KEPT_BYTES,
        2_000_000,
        batch.digest,
        10,
    )
    assert result.rows.columns == ["a", ID, RECORD]


def test_a_long_reject_keeps_its_first_bytes_and_the_digest_of_all() -> None:
    record = b"x" * 100_000
    reject = only(cleaned(record + b"\n"))
    assert (reject.raw, reject.raw_bytes, reject.raw_digest) == (record[:RAW_KEPT_BYTES], 100_000, digest_of(record))


def test_an_empty_batch_is_nothing() -> None:
    result = cleaned(b"")
    assert (result.read, result.rows.height, result.rejects) == (0, 0, ())


def test_a_csv_batch_without_a_header_cannot_be_read() -> None:
    with pytest.raises(FormatError, match="no header"):
        plan_of(A).clean(batch_of(b"1\n", None))


def test_missing_values_are_missing_before_and_after_the_transforms() -> None:
    fields = ({"name": "a", "transforms": ["trim", "upper"]}, {"name": "b", "type": "integer"}, C)
    result = cleaned(b"-, - ,-\nnull , 5 , -\n", *fields, missingValues=["", "-", "NULL"])
    assert rows(result) == [(None, None, None), (None, 5, " -")]


def test_without_missing_values_an_empty_cell_is_a_value() -> None:
    assert rows(cleaned(b",2,3\n", A, missingValues=[])) == [("",)]
    assert only(cleaned(b",2,3\n", {"name": "a", "type": "integer"}, missingValues=[])).code == "type-error"


def test_transforms_are_applied_in_their_order_and_know_unicode() -> None:
    field = {"name": "a", "transforms": ["collapse", "trim", "lower"]}
    assert rows(cleaned("\u00a0ÀÉ \t Straße\u2003,2,3\n".encode(), field)) == [("àé straße",)]


@pytest.mark.parametrize(
    ("field", "cell", "code", "reason"),
    [
        ({"constraints": {"required": True}}, "", "constraint-error", "a value is required"),
        ({"constraints": {"minLength": 2}}, "é", "constraint-error", '"é" has fewer than 2 characters'),
        ({"constraints": {"maxLength": 2}}, "ééé", "constraint-error", '"ééé" has more than 2 characters'),
        ({"constraints": {"pattern": "a+|b"}}, "ab", "constraint-error", '"ab" does not match the pattern a+|b'),
        ({"constraints": {"enum": ["x", "y"]}}, "z", "constraint-error", '"z" is none of "x, y"'),
        ({"type": "integer", "constraints": {"minimum": 1}}, "0", "constraint-error", '"0" is less than the minimum 1'),
        ({"type": "integer", "constraints": {"maximum": 65535}}, "99999", "constraint-error", '"99999" is more than the maximum 65535'),
        ({"type": "integer", "constraints": {"minimum": 0.5}}, "0", "constraint-error", '"0" is less than the minimum 0.5'),
        ({"type": "integer", "constraints": {"enum": [1, 2]}}, "3", "constraint-error", '"3" is none of "1, 2"'),
        ({"type": "date", "constraints": {"enum": ["2024-01-01"]}}, "2024-01-02", "constraint-error", '"2024-01-02" is none of "2024-01-01"'),
        ({"type": "ip", "constraints": {"enum": ["192.0.2.1"]}}, "192.0.2.2", "constraint-error", '"192.0.2.2" is none of "192.0.2.1"'),
        ({"type": "number", "constraints": {"maximum": 1}}, "1.5", "constraint-error", '"1.5" is more than the maximum 1'),
        ({"type": "date", "constraints": {"minimum": "2024-01-01"}}, "2023-12-31", "constraint-error", '"2023-12-31" is less than the minimum 2024-01-01'),
        ({"type": "datetime", "timezone": "Asia/Tokyo", "constraints": {"maximum": "2024-01-01T00:00:00"}}, "2024-01-01T00:00:01", "constraint-error", '"2024-01-01T00:00:01" is more than the maximum 2024-01-01T00:00:00'),
        ({"type": "time", "constraints": {"maximum": "12:00"}}, "12:00:01", "constraint-error", '"12:00:01" is more than the maximum 12:00'),
        ({"type": "integer"}, "abc", "type-error", '"abc" is not a whole number of at most 64 bits with its sign'),
        ({"type": "boolean"}, "maybe", "type-error", "\"maybe\" is not a boolean ('true', 'True', 'TRUE', '1', 'false', 'False', 'FALSE', '0')"),
        ({"type": "datetime", "format": "%Y-%m-%d"}, "2024-02-31", "type-error", "\"2024-02-31\" is not a date and time between the years 1000 and 9999 in the format '%Y-%m-%d': there is no 31 February 2024"),
        ({"type": "ip"}, "999.1.2.3", "type-error", '"999.1.2.3" is not an IPv4 or IPv6 address'),
        ({"type": "integer"}, "x" * 200, "type-error", f'"{"x" * 80}"... (200 characters) is not a whole number of at most 64 bits with its sign'),
    ],
)  # fmt: skip
def test_a_reason_shows_the_value_and_what_is_allowed(field: dict[str, Any], cell: str, code: str, reason: str) -> None:
    reject = only(cleaned(f"{cell},2,3\n".encode(), {"name": "a", **field}))
    assert (reject.field, reject.code, reject.reason) == ("a", code, reason)


def test_a_record_is_rejected_once_for_the_first_field_that_fails() -> None:
    fields = (
        {"name": "a", "constraints": {"maxLength": 1}},
        {"name": "b", "type": "integer"},
        {"name": "c", "constraints": {"required": True}},
    )
    result = cleaned(b"xx,y,\nx,y,\nx,1,\nx,1,z\n", *fields)
    assert [(each.record, each.field, each.code) for each in result.rejects] == [
        (1, "a", "constraint-error"),
        (2, "b", "type-error"),
        (3, "c", "constraint-error"),
    ]


@pytest.mark.parametrize(
    ("field", "limit", "cell", "fits"),
    [
        ({"type": "integer"}, ColumnLimit("SMALLINT UNSIGNED", minimum=0, maximum=65535), "99999", "65535"),
        ({"type": "integer"}, ColumnLimit("SMALLINT UNSIGNED", minimum=0, maximum=65535), "-1", "0"),
        ({}, ColumnLimit("VARCHAR(3)", max_chars=3), "abcd", "äöü"),
        ({}, ColumnLimit("TINYTEXT", max_bytes=4), "äöü", "äö"),
        ({"type": "ip"}, ColumnLimit("VARCHAR(15)", max_chars=15), "2001:db8:1:1:1::1", "192.0.2.1"),
        ({}, ColumnLimit("VARCHAR(3)", nullable=False), "", "x"),
        ({}, ColumnLimit("CHAR(3)", max_chars=3, trailing_blanks=False), "ab ", " ab"),
        ({}, ColumnLimit("ENUM('new','it''s')", members=("new", "it's")), "New", "it's"),
        ({"type": "number"}, ColumnLimit("FLOAT", single_precision=True), "0.1234567", "0.123456"),
        ({"type": "number"}, ColumnLimit("FLOAT", single_precision=True), "1e39", "-1.5e30"),
        ({"type": "number"}, ColumnLimit("FLOAT", single_precision=True), "16777217", "0"),
        ({"type": "number"}, ColumnLimit("FLOAT", single_precision=True), "1e-40", "1e-37"),
        ({"type": "integer"}, ColumnLimit("INT", zero=False), "0", "1"),
        (
            {"type": "datetime"},
            ColumnLimit("TIMESTAMP", minimum=1, maximum=2**31 - 1),
            "2040-01-01T00:00:00",
            "2038-01-19T03:14:07",
        ),
        ({"type": "number"}, ColumnLimit("DECIMAL(4,2)", digits=2, scale=2, exact=True), "1.234", "0.29"),
        ({"type": "number"}, ColumnLimit("DECIMAL(4,2)", digits=2, scale=2, exact=True), "100", "99.99"),
        (
            {"type": "number"},
            ColumnLimit("DECIMAL(4,2) UNSIGNED", minimum=0, digits=2, scale=2, exact=True),
            "-.01",
            "-0.0",
        ),
        (
            {"type": "integer"},
            ColumnLimit("BIGINT UNSIGNED", minimum=0, maximum=2**64 - 1, exact=True),
            str(2**64),
            str(2**64 - 1),
        ),
        ({"type": "integer"}, ColumnLimit("BIGINT UNSIGNED", minimum=0, maximum=2**64 - 1, exact=True), "-1", "+007"),
        ({"type": "datetime"}, ColumnLimit("DATETIME", scale=0), "2024-01-01 00:00:00.5", "2024-01-01 00:00:00"),
        ({"type": "time"}, ColumnLimit("TIME(3)", scale=3), "10:00:00.1234", "10:00:00.123"),
        (
            {"type": "datetime"},
            ColumnLimit("TIMESTAMP", minimum=1, maximum=2**31 - 1),
            "2038-01-19 03:14:08",
            "2038-01-19 03:14:07",
        ),
    ],
)
def test_a_value_that_the_column_would_coerce_is_a_reject(
    field: dict[str, Any], limit: ColumnLimit, cell: str, fits: str
) -> None:
    fields = ({"name": "a", **field}, B)
    result = cleaned(f"{cell},2,3\n{fits},2,3\n".encode(), *fields, limits={"a": limit})
    assert (only(result).code, only(result).record, result.rows.height) == ("constraint-error", 1, 1)
    assert limit.sql_type in only(result).reason or not limit.nullable


def test_31_february_never_reaches_the_rows() -> None:
    result = cleaned(b"2024-02-31,2,3\n2024-02-29,2,3\n", {"name": "a", "type": "date"})
    assert (only(result).code, result.rows.height) == ("type-error", 1)


def test_later_records_of_an_identity_are_duplicates_and_null_equals_null() -> None:
    result = cleaned(b"x,,1\nx,,2\nX,,3\nx,y,4\nx,,5\n", A, B, C, unique=["a", "b"])
    assert (rows(result), result.duplicates) == ([("x", None, "1"), ("X", None, "3"), ("x", "y", "4")], 2)


def test_without_unique_equal_records_are_not_duplicates() -> None:
    assert cleaned(b"1,2,3\n1,2,3\n").duplicates == 0


def test_a_rejected_record_makes_no_later_one_a_duplicate() -> None:
    result = cleaned(b"x,bad,3\nx,1,3\n", A, {"name": "b", "type": "integer"}, unique=["a"])
    assert (result.duplicates, result.rows.height) == (0, 1)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ((A, {"name": "b", "constraints": {"pattern": "("}}), "spec.cleaning.fields[1].constraints.pattern"),
        (({"name": "a", "constraints": {"pattern": "a)|(b"}},), "spec.cleaning.fields[0].constraints.pattern"),
        (
            ({"name": "a", "type": "integer", "constraints": {"pattern": "a"}},),
            "spec.cleaning.fields[0].constraints.pattern",
        ),
        (({"name": "a", "constraints": {"minimum": 1}},), "spec.cleaning.fields[0].constraints.minimum"),
        (
            ({"name": "a", "type": "date", "constraints": {"minimum": "soon"}},),
            "spec.cleaning.fields[0].constraints.minimum",
        ),
        (
            ({"name": "a", "type": "integer", "constraints": {"enum": [1, "x"]}},),
            "spec.cleaning.fields[0].constraints.enum[1]",
        ),
        (
            ({"name": "a", "type": "integer", "constraints": {"enum": [0.5]}},),
            "spec.cleaning.fields[0].constraints.enum[0]",
        ),
        (({"name": "a", "type": "datetime", "timezone": "X/Y"},), "spec.cleaning.fields[0].timezone"),
    ],
)
def test_what_cannot_be_compiled_is_named_by_its_path(fields: tuple[dict[str, Any], ...], path: str) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(path)}: "):
        plan_of(*fields)


def test_a_pattern_is_for_the_whole_value_and_its_flags_stay_inside() -> None:
    field = {"name": "a", "constraints": {"pattern": "(?mi)^a$"}}
    assert codes(cleaned(b'A,2,3\n"a\nb",2,3\n', field)) == [(2, "constraint-error")]


def test_tsv_has_tabs() -> None:
    assert rows(cleaned(b"1\t2,\t3\n", format=format_of("tsv"))) == [("1", "2,", "3")]


def test_a_preview_shows_what_came_and_what_became_of_it() -> None:
    plan = plan_of({"name": "a", "transforms": ["trim"]}, {"name": "b", "type": "integer"}, unique=["a"])
    shown = clean_preview(plan, batch_of(b"x , 1,q\nx,2,q\ny,z,q\n1,2,3,4\nnot,shown,q\n", first_record=5), limit=4)
    assert [(each.record, each.line, each.duplicate) for each in shown] == [
        (5, 2, False),
        (6, 3, True),
        (7, 4, False),
        (8, 5, False),
    ]
    assert (shown[0].raw, shown[0].row) == ({"a": "x ", "b": " 1", "c": "q"}, {"a": "x", "b": 1})
    assert shown[2].reject is not None
    assert shown[2].reject.field == "b"
    assert shown[3].raw == {"a": "1", "b": "2", "c": "3", "#4": "4"}


def test_a_preview_of_a_defect_is_its_reject() -> None:
    (shown,) = clean_preview(plan_of(A), batch_of(b"x", defect="too long", end=99))
    assert shown.reject is not None
    assert shown.reject.reason == "too long"


@pytest.mark.parametrize(
    ("type", "raw", "header"),
    [
        ("csv", b"x,2,3\n\n,,\ny,2,3\n\n", "a,b,c"),
        ("ndjson", b'{"a": "x"}\n\n \n{"a": "y"}\n\n', None),
        ("fixed", b"x\n\n \ny\n\n", None),
    ],
)
def test_blank_rows_are_rejected_or_left_out_as_the_format_says(type: str, raw: bytes, header: str | None) -> None:
    columns = [{"name": "a", "width": 3}] if type == "fixed" else []
    for blank_rows, rejected, filtered in (("reject", 3, 0), ("skip", 0, 3)):
        form = format_of(type, blankRows=blank_rows, columns=columns)
        result = CleaningPlan.compile(cleaning_of(A), form).clean(batch_of(raw, header, first_record=7))
        assert (result.read, len(result.rejects), result.filtered) == (5, rejected, filtered)
        assert rows(result) == [("x",), ("y",)]
        assert result.filtered == 0 or result.left_out.to_list() == [8, 9, 11]


def test_of_several_labels_the_first_with_a_value_counts() -> None:
    many = {"name": "a", "from": ["new", "old", "older"], "constraints": {"required": True}}
    plan = CleaningPlan.compile(cleaning_of(many, missingValues=["", "-"]), format_of())
    both = plan.clean(batch_of(b"1,2\n,3\n-,4\n,-\n", "old,new"))
    assert rows(both) == [("2",), ("3",), ("4",)]
    assert [(each.record, each.code) for each in both.rejects] == [(4, "constraint-error")]
    assert rows(plan.clean(batch_of(b"5,x\n", "older,other"))) == [("5",)]
    (missing,) = plan.clean(batch_of(b"5,x\n", "oldest,other")).rejects
    assert (missing.code, "new, old, older" in missing.reason) == ("missing-label", True)
    records = CleaningPlan.compile(cleaning_of({"name": "a", "from": ["x.y", "z"]}), format_of("ndjson"))
    lines = b'{"x": {"y": 1}}\n{"z": 2}\n{"x": {"y": null}, "z": 3}\n'
    assert rows(records.clean(batch_of(lines, None))) == [("1",), ("2",), ("3",)]


def test_what_is_missing_may_be_said_for_each_field() -> None:
    country = {"name": "a", "missingValues": ["", "-"], "transforms": ["upper"]}
    count = {"name": "b", "type": "integer", "missingValues": []}
    result = cleaned(b"na,NA,NA\n-,1,-\n,,x\n", country, count, C, missingValues=["", "NA", "-"])
    assert rows(result) == [(None, 1, None)]
    assert [(each.record, each.field, each.code) for each in result.rejects] == [
        (1, "b", "type-error"),
        (3, "b", "type-error"),
    ]
    kept = cleaned(b"NA,1,NA\n", country, {**count, "type": "string"}, C, missingValues=["NA"])
    assert rows(kept) == [("NA", "1", None)]
