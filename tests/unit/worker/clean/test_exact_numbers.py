"""Numbers from their digits to the row: exactly, or rejected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_pipeline.spec.model import Format
from dcp_worker.clean.plan import ID, RECORD, CleanedBatch, CleaningPlan
from dcp_worker.clean.types.decimals import compared, exact_parser, exact_text
from dcp_worker.ground.errors import PlanError
from dcp_worker.ground.limits import ColumnLimit
from support.batches import batch_of, cleaning_of, field_of

DECIMAL = ColumnLimit("decimal(20,2)", digits=18, scale=2, exact=True)
UNSIGNED = ColumnLimit("bigint unsigned", minimum=0, maximum=2**64 - 1, exact=True)


def cleaned(texts: list[str], field: dict[str, Any], limit: ColumnLimit | None = None, **words: Any) -> CleanedBatch:
    cleaning = cleaning_of({"name": "a", **field}, {"name": "b"}, **words)
    plan = CleaningPlan.compile(cleaning, Format(delimiter=";"), limits={"a": limit} if limit else {})
    return plan.clean(batch_of("".join(f"{each};x\n" for each in texts).encode(), "a,b"))


def values(result: CleanedBatch) -> list[Any]:
    return result.rows.sort(RECORD)["a"].to_list()


def refused(result: CleanedBatch) -> dict[int, str]:
    return {each.record: each.code for each in result.rejects}


def test_a_decimal_column_gets_each_digit_or_the_record_is_rejected() -> None:
    texts = [
        "12345678901234567.89",
        "90071992547409.93",
        "0.10",
        "-99999999999999999.99",
        "1.005",
        "1e2",
        "1234567890123456789",
    ]
    result = cleaned(texts, {"type": "number"}, DECIMAL)
    assert values(result) == ["12345678901234567.89", "90071992547409.93", "0.1", "-99999999999999999.99", "100"]
    assert refused(result) == {5: "constraint-error", 7: "constraint-error"}
    assert "more than 2 decimals" in result.rejects[0].reason
    assert "more than 18 digits before the point" in result.rejects[1].reason


def test_a_float_column_gets_what_reads_back_with_as_many_digits() -> None:
    kept = [
        "0.1",
        "0.30000000000000004",
        "0.10000000000000001",
        f"{52.5200066:.17g}",
        f"{1 / 3:.25f}",
        "1e300",
        "1.500000000000000000",
        "-0",
    ]
    lost = [
        "12345678901234567.89",
        "90071992547409.93",
        "9007199254740993",
        "3.14159265358979323846",
        "1e-400",
        "2e-324",
    ]
    result = cleaned(kept + lost, {"type": "number"})
    assert values(result) == [float(each) for each in kept]
    assert refused(result) == dict.fromkeys(range(len(kept) + 1, len(kept + lost) + 1), "constraint-error")
    assert "type decimal keeps them" in result.rejects[0].reason


def test_a_float_column_with_groups_and_commas_is_held_to_the_same() -> None:
    result = cleaned(["1.234,5", "12.345.678.901.234.567,89"], {"type": "number", "decimalChar": ",", "groupChar": "."})
    assert (values(result), refused(result)) == ([1234.5], {2: "constraint-error"})


def test_a_decimal_has_the_digits_that_its_scale_says() -> None:
    result = cleaned(
        ["1.5", "7", "-0.000", "1.500", "1.505", "123456", "x"], {"type": "decimal", "precision": 5, "scale": 2}
    )
    assert values(result) == ["1.50", "7.00", "0.00", "1.50"]
    assert refused(result) == {5: "constraint-error", 6: "constraint-error", 7: "type-error"}


def test_unsigned_integers_of_64_bits_are_exact() -> None:
    texts = ["18446744073709551615", "9223372036854775808", "007", "18446744073709551616", "-1", "1.0", "1e3"]
    result = cleaned(texts, {"type": "integer"}, UNSIGNED)
    assert values(result) == ["18446744073709551615", "9223372036854775808", "7"]
    assert refused(result) == {4: "constraint-error", 5: "constraint-error", 6: "type-error", 7: "type-error"}
    by_the_spec = cleaned(texts, {"type": "integer", "constraints": {"minimum": 0, "maximum": 2**64 - 1}})
    assert (values(by_the_spec), refused(by_the_spec)) == (values(result), refused(result))


def test_numbers_that_no_float_tells_apart_are_no_duplicates() -> None:
    texts = ["1413617112501850121", "1413617112501850128", "1413617112501850121.00", "1.10", "1.1"]
    result = cleaned(
        texts, {"type": "number"}, ColumnLimit("decimal(30,2)", digits=28, scale=2, exact=True), unique=["a"]
    )
    assert (len(values(result)), result.duplicates) == (3, 2)
    unstored = cleaned(texts, {"type": "number", "stored": False}, unique=["a"])
    assert (unstored.rows.height, unstored.duplicates) == (3, 2)


def test_the_identity_of_a_number_does_not_change_with_its_column() -> None:
    as_float = cleaned(["0.5", "1e3"], {"type": "number"}, unique=["a"])
    exact = cleaned(["0.50", "1000"], {"type": "number"}, DECIMAL, unique=["a"])
    assert as_float.rows[ID].to_list() == exact.rows[ID].to_list()
    narrow = cleaned(["0.5"], {"type": "decimal", "scale": 2}, unique=["a"])
    wide = cleaned(["0.5"], {"type": "decimal", "scale": 4}, unique=["a"])
    assert narrow.rows[ID].to_list() == wide.rows[ID].to_list()


def test_bounds_enum_and_filters_see_every_digit() -> None:
    bounded = {"type": "decimal", "scale": 20, "constraints": {"minimum": "0.5", "maximum": 100}}
    result = cleaned(["0.5", "0.49999999999999999999", "100", "100.00000000000000000001"], bounded)
    assert refused(result) == {2: "constraint-error", 4: "constraint-error"}
    listed = {"type": "decimal", "scale": 2, "constraints": {"enum": [1, 2.5]}}
    assert refused(cleaned(["1", "2.50", "3"], listed)) == {3: "constraint-error"}
    money = {"type": "decimal", "precision": 30, "scale": 2}
    drop = [{"drop": {"field": "a", "compare": {"exclusiveMinimum": "12345678901234567.88"}}}]
    assert len(values(cleaned(["12345678901234567.88", "12345678901234567.89"], money, filter=drop))) == 1
    assert values(cleaned(["1.10", "2"], money, filter=[{"keep": {"field": "a", "equals": 1.1}}])) == ["1.10"]
    assert values(cleaned(["1.10", "2", "3"], money, filter=[{"keep": {"field": "a", "in": [2, 3]}}])) == [
        "2.00",
        "3.00",
    ]
    with pytest.raises(PlanError, match=r"minimum: 'x' is not a value of a decimal field"):
        cleaned(["1"], {"type": "decimal", "constraints": {"minimum": "x"}})


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=12) | st.decimals(
    Decimal(10) ** -20, Decimal(10) ** 20
)


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=20), NUMBERS)
def test_exact_numbers_are_those_of_pythons_decimal(written: list[Decimal], bound: Decimal) -> None:
    texts = [str(each) for each in written]
    found = exact_parser(field_of(type="number"))(pl.Series("a", texts)).to_list()
    assert [exact_text(each) for each in texts] == found
    for text, each in zip(found, written, strict=True):
        if text is not None:
            assert Decimal(text) == each
            assert text == "0" or not text.startswith("-0") or Decimal(text) != 0
    known = [(text, each) for text, each in zip(found, written, strict=True) if text is not None]
    limit = exact_text(str(bound))
    if known and limit is not None:
        frame = pl.DataFrame({"a": [text for text, _ in known]})
        less = frame.select(compared(pl.col("a"), limit, lambda a, b: a < b)).to_series().to_list()
        assert less == [each < bound for _, each in known]
