"""Transforms, computed fields and filters in a plan: order, what becomes of failures, what is refused and how."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dcp_pipeline.spec.part import SecretKeyRef
from dcp_worker.clean.outside import Reachable
from dcp_worker.clean.plan import ID, RECORD, CleanedBatch, CleaningPlan
from dcp_worker.clean.preview import clean_preview
from dcp_worker.ground.errors import PlanError
from support.batches import batch_of, cleaning_of, format_of

A, B, C = {"name": "a"}, {"name": "b"}, {"name": "c"}


def plan_of(*fields: dict[str, Any], folder: Path | None = None, **cleaning: Any) -> CleaningPlan:
    outside = Reachable(_no_secret, (folder or Path()).joinpath)
    return CleaningPlan.compile(cleaning_of(*fields, **cleaning), format_of(), outside=outside)


def _no_secret(ref: SecretKeyRef) -> str:
    raise AssertionError(f"nothing here needs {ref}")


def cleaned(raw: bytes, *fields: dict[str, Any], header: str = "a,b,c", **others: Any) -> CleanedBatch:
    result = plan_of(*fields or (A, B, C), **others).clean(batch_of(raw, header, first_record=101))
    assert result.read == result.rows.height + result.duplicates + len(result.rejects) + result.filtered
    return result


def rows(result: CleanedBatch) -> list[tuple[Any, ...]]:
    return result.rows.sort(RECORD).drop(ID, RECORD).rows()


def codes(result: CleanedBatch) -> list[tuple[int, str]]:
    return [(each.record, each.code) for each in result.rejects]


def test_a_reject_shows_the_text_as_it_came_to_the_transform_that_failed() -> None:
    field = {"name": "a", "transforms": ["trim", {"split": {"by": "=", "take": 2}}, "lower", "ip", {"hash": {}}]}
    result = cleaned(b" x=192.0.2.1,,\nsrc=ABC,,\nx,,\n", field)
    assert codes(result) == [(102, "transform-error")]
    (reject,) = result.rejects
    assert reject.reason == '"abc" is not an IPv4 or IPv6 address (transforms[3])'
    assert (reject.field, reject.raw) == ("a", b"src=ABC,,")
    assert [row[0] is None for row in rows(result)] == [False, True]


def test_the_first_of_several_transforms_that_fail_is_named() -> None:
    maps = [{"map": {"values": {"x": "1", "y": "2"}, "otherwise": "reject"}}, {"map": {"values": {"1": "!"}, "otherwise": "reject"}}]  # fmt: skip
    result = cleaned(b"x,,\ny,,\nz,,\n", {"name": "a", "transforms": maps})
    assert rows(result) == [("!",)]
    assert [each.reason for each in result.rejects] == [
        '"2" is none of the values of the map (transforms[1])',
        '"z" is none of the values of the map (transforms[0])',
    ]


def test_what_a_transform_makes_of_a_text_may_be_a_word_for_a_missing_value() -> None:
    field = {"name": "a", "transforms": [{"map": {"values": {"x": "-"}, "otherwise": "reject"}}]}
    assert rows(cleaned(b"x,1,2\n", field, missingValues=["", "-"])) == [(None,)]


def test_a_default_is_for_what_is_missing_after_the_transforms_before_it() -> None:
    field = {"name": "a", "transforms": ["trim", {"default": "none"}, "upper"]}
    result = cleaned(b" - ,1,2\n-,1,2\nx,1,2\n", field, missingValues=["-"])
    assert rows(result) == [("NONE",), ("NONE",), ("X",)]


def test_a_default_fills_a_field_whose_label_is_not_there() -> None:
    assert rows(cleaned(b"1,2,3\n", A, {"name": "d", "transforms": [{"default": "x"}]})) == [("1", "x")]


def test_fields_are_made_after_what_they_read_whatever_their_order() -> None:
    fields = (
        {"name": "third", "compute": {"join": {"fields": ["second", "a"], "separator": "+"}}},
        {"name": "second", "compute": {"coalesce": ["c", "b"]}, "transforms": ["upper"]},
        {**A, "transforms": ["trim", "ip"]},
        {**B, "stored": False},
        {**C, "stored": False},
    )
    result = cleaned(b" 192.0.2.1,x,\n192.0.2.2,x,y\n,,q\n", *fields)
    assert result.rows.columns == ["third", "second", "a", ID, RECORD]
    assert rows(result) == [
        ("X+192.0.2.1", "X", "192.0.2.1"),
        ("Y+192.0.2.2", "Y", "192.0.2.2"),
        ("Q", "Q", None),
    ]


def test_an_unstored_field_still_rejects_and_can_be_the_identity() -> None:
    fields = ({"name": "a", "type": "integer", "stored": False}, B)
    result = cleaned(b"1,x,\n1,y,\nz,w,\n2,x,\n", *fields, unique=["a"])
    assert (rows(result), result.duplicates, codes(result)) == ([("x",), ("x",)], 1, [(103, "type-error")])


def test_a_header_without_what_the_identity_is_made_of_is_rejected() -> None:
    fields = (A, {"name": "x"}, {"name": "y"}, {"name": "key", "compute": {"join": {"fields": ["x", "y"]}}})
    result = cleaned(b"1,2,3\n", *fields, unique=["key"])
    assert codes(result) == [(101, "missing-label")]
    assert "none of the labels of `unique` (x, y)" in result.rejects[0].reason


@pytest.mark.parametrize(
    ("type", "test", "kept"),
    [
        ("integer", {"equals": 5}, "5"),
        ("integer", {"in": [4, 5]}, "5"),
        ("integer", {"compare": {"minimum": 5}}, "5 7"),
        ("integer", {"compare": {"exclusiveMinimum": 5, "maximum": 7}}, "7"),
        ("integer", {"compare": {"exclusiveMaximum": 6.5}}, "5"),
        ("integer", {"missing": True}, ""),
        ("string", {"equals": "5"}, "5"),
        ("string", {"matches": "^[57]$"}, "5 7"),
        ("string", {"missing": False}, "5 7"),
        ("number", {"equals": 5}, "5.0"),
    ],
)
def test_a_condition_keeps_the_records_for_which_it_holds(type: str, test: dict[str, Any], kept: str) -> None:
    result = cleaned(b"5,,\n7,,\n,x,\n", {"name": "a", "type": type}, B, filter=[{"keep": {"field": "a", **test}}])
    assert " ".join("" if row[0] is None else str(row[0]) for row in rows(result)) == kept
    opposite = cleaned(b"5,,\n7,,\n,x,\n", {"name": "a", "type": type}, B, filter=[{"drop": {"field": "a", **test}}])
    assert opposite.rows.height == 3 - result.rows.height == result.filtered


def test_bounds_of_a_filter_are_read_as_the_field_reads_them() -> None:
    field = {"name": "a", "type": "datetime", "timezone": "Asia/Tokyo"}
    keep = {"field": "a", "compare": {"minimum": "2024-01-01T00:00:00"}}
    result = cleaned(b"2024-01-01 00:00:00,,\n2023-12-31 23:59:59,,\n", field, filter=[{"keep": keep}])
    assert (result.rows.height, result.filtered) == (1, 1)


def test_networks_are_asked_of_ip_and_string_fields_alike() -> None:
    networks = ["10.0.0.0/8", "2001:db8::/32"]
    for kind in ("ip", "string"):
        drop = {"field": "a", "cidr": networks}
        result = cleaned(b"10.1.1.1,,\n11.1.1.1,,\n2001:db8::5,,\n,x,\n", {"name": "a", "type": kind}, B, filter=[{"drop": drop}])  # fmt: skip
        assert [row[0] for row in rows(result)] == ["11.1.1.1", None]


def test_not_of_a_test_holds_for_a_missing_value() -> None:
    keep = {"not": {"field": "a", "equals": "x"}}
    assert rows(cleaned(b"x,1,\n,2,\ny,3,\n", A, B, filter=[{"keep": keep}])) == [(None, "2"), ("y", "3")]


def test_a_filter_leaves_out_what_would_be_rejected_for_another_field_alone() -> None:
    fields = (A, {"name": "b", "type": "integer"})
    result = cleaned(b"noise,x,\nsignal,x,\nsignal,1,\n", *fields, filter=[{"drop": {"field": "a", "equals": "noise"}}])
    assert (rows(result), codes(result), result.filtered) == ([("signal", 1)], [(102, "type-error")], 1)
    result = cleaned(b"noise,x,\nsignal,x,\nsignal,1,\n", *fields, filter=[{"keep": {"field": "b", "equals": 1}}])
    assert (codes(result), result.filtered) == ([(101, "type-error"), (102, "type-error")], 0)


def test_a_filtered_record_makes_no_later_one_a_duplicate() -> None:
    result = cleaned(b"1,x,\n1,y,\n", A, B, unique=["a"], filter=[{"drop": {"field": "b", "equals": "x"}}])
    assert (rows(result), result.duplicates, result.filtered) == ([("1", "y")], 0, 1)


def test_unreadable_records_are_rejected_whatever_the_filter_says() -> None:
    result = cleaned(b"1,2\n\n1,2,3\n", A, filter=[{"keep": {"field": "a", "equals": "2"}}])
    assert (codes(result), result.filtered) == ([(101, "missing-cell"), (102, "blank-row")], 1)


def test_a_preview_tells_filtered_from_duplicate() -> None:
    plan = plan_of(A, B, unique=["a"], filter=[{"drop": {"field": "b", "equals": "x"}}])
    shown = clean_preview(plan, batch_of(b"1,x,\n1,y,\n1,z,\n"))
    assert [(each.filtered, each.duplicate, each.row is not None) for each in shown] == [
        (True, False, False),
        (False, False, True),
        (False, True, False),
    ]


def test_a_lookup_table_is_read_again_when_it_is_replaced_and_kept_when_it_is_broken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = tmp_path / "names.csv"
    table.write_text("code;name\nx;first\n")
    rule = {"lookup": {"path": "names.csv", "key": "code", "value": "name", "delimiter": ";"}}
    plan = plan_of({"name": "a", "transforms": [rule]}, folder=tmp_path)
    for text, wanted in (("", "first"), ("code;name\nx;second\n", "second"), ("other\nx\n", "second")):
        if text:
            (tmp_path / "new").write_text(text)
            os.replace(tmp_path / "new", table)
        with caplog.at_level(logging.WARNING):
            assert rows(plan.clean(batch_of(b"x,,\n"))) == [(wanted,)]
    assert "the old one stays" in caplog.text


@pytest.mark.parametrize(
    ("transform", "path", "message"),
    [
        ({"replace": {"pattern": "("}}, "replace.pattern", "is not a regular expression"),
        ({"extract": {"pattern": "a"}}, "extract.group", "has 0 groups"),
        ({"json": {"path": "a.b"}}, "json.path", "is no path such as"),
        ({"json": {"path": "$.a[*]"}}, "json.path", "is no path such as"),
        ({"phone": {"country": "XX"}}, "phone.country", "is no country"),
        ({"lookup": {"path": "none.csv", "key": "a", "value": "b"}}, "lookup.path", "none.csv cannot be used"),
    ],
)
def test_what_a_transform_cannot_follow_is_named_by_its_path(transform: Any, path: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(A, {"name": "b", "transforms": ["trim", transform]})
    assert caught.value.path == f"spec.cleaning.fields[1].transforms[1].{path}"
    assert message in caught.value.message


@pytest.mark.parametrize("text", ["a,b\n1,2\n1,3\n", "a\n1\n"])
def test_a_lookup_table_that_is_not_one_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(PlanError, match=r"lookup\.path: .*t\.csv cannot be used: "):
        plan_of({"name": "a", "transforms": [{"lookup": {"path": "t.csv", "key": "a", "value": "b"}}]}, folder=tmp_path)


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ({"field": "n", "matches": "x"}, "drop.matches"),
        ({"field": "n", "cidr": ["10.0.0.0/8"]}, "drop.cidr"),
        ({"field": "a", "compare": {"minimum": 1}}, "drop.compare"),
        ({"field": "n", "equals": "many"}, "drop.equals"),
        ({"field": "n", "in": [1, "x"]}, "drop.in[1]"),
        ({"not": {"field": "a", "matches": "("}}, "drop.not.matches"),
        ({"all": [{"field": "a", "missing": True}, {"any": [{"field": "n", "compare": {"maximum": "soon"}}]}]},
         "drop.all[1].any[0].compare.maximum"),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_followed_is_named_by_its_path(condition: Any, path: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(A, {"name": "n", "type": "integer"}, filter=[{"drop": condition}])
    assert caught.value.path == f"spec.cleaning.filter[0].{path}"


def passes(monkeypatch: pytest.MonkeyPatch, plan: CleaningPlan, header: str) -> int:
    """How many passes over a frame (with_columns) the making of a batch's texts takes."""
    counted = 0
    with_columns = pl.DataFrame.with_columns

    def counting(self: pl.DataFrame, *args: Any, **kwargs: Any) -> pl.DataFrame:
        nonlocal counted
        counted += 1
        return with_columns(self, *args, **kwargs)

    cells = plan.reader.read(b",".join([b"x"] * len(header.split(","))) + b"\n", tuple(header.split(","))).cells
    with monkeypatch.context() as patched:
        patched.setattr(pl.DataFrame, "with_columns", counting)
        plan.fields.early.texts.of(cells)
    return counted


def test_fields_share_their_passes_however_many_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = ["trim", "collapse", "lower", {"map": {"values": {"x": "192.0.2.1"}}}, "ip", {"mask": {"keepLast": 1}}]

    def count(fields: int, transforms: list[Any]) -> int:
        names = [f"f{number}" for number in range(fields)]
        plan = plan_of(*({"name": name, "transforms": transforms} for name in names))
        return passes(monkeypatch, plan, ",".join(names))

    assert count(60, []) == 1
    assert count(60, ["trim", "lower", "upper", "collapse", "nfc"]) == 2
    assert count(60, chain) == count(1, chain) <= 5
