"""What identities begin with in a table that is kept in order: it never falls as the value grows, and says little else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_pipeline.spec.model import Cleaning, Constraints, Field, FieldType, Format
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.clean.types.types import POLARS_TYPES
from dcp_worker.ground.order import as_hex, order_of_field, order_of_place
from dcp_worker.sink.identity import identity_of
from support.batches import batch_of

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100) | st.integers(0, 63).map(lambda n: 2**n - 1)
MOMENTS = st.datetimes(datetime(1000, 1, 1))
DAYS = st.dates(date(1000, 1, 1))


def beginnings(values: list[Any], kind: FieldType, exact: bool = False) -> list[bytes]:
    column = pl.Series("v", values, dtype=pl.String if exact else POLARS_TYPES[kind])
    digits = column.to_frame().select(as_hex(order_of_field("v", kind, exact))).to_series()
    return [bytes.fromhex(each) for each in digits]


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        st.tuples(st.just("integer"), st.lists(INTEGERS, min_size=2, max_size=40)),
        st.tuples(st.just("datetime"), st.lists(MOMENTS, min_size=2, max_size=40)),
        st.tuples(st.just("date"), st.lists(DAYS, min_size=2, max_size=40)),
    )
)
def test_beginnings_are_in_the_order_of_the_values(case: tuple[FieldType, list[Any]]) -> None:
    kind, values = case
    found = beginnings([None, *sorted(values)], kind)
    assert all(len(each) == 4 for each in found)
    assert found == sorted(found)


def test_moments_are_told_apart_by_the_second_days_and_small_integers_exactly() -> None:
    moments = [datetime(2026, 2, 28, 23, 59, 59, 999_999), datetime(2026, 3, 1), datetime(2026, 3, 1, 0, 0, 1)]
    assert len(set(beginnings(moments, "datetime"))) == 3
    assert len(set(beginnings([date(1, 1, 1), date(1969, 12, 31), date(1970, 1, 1)], "date"))) == 3
    assert len(set(beginnings([-(2**25) + 1, -1, 0, 1, 2**25 - 2, 2**25 - 1], "integer"))) == 6
    # Milliseconds since 1970 of two minutes and more apart.
    assert len(set(beginnings([1_760_000_000_000, 1_760_000_000_000 + 2**17], "integer"))) == 2


def test_integers_that_a_column_keeps_as_digits_begin_as_others_do() -> None:
    values = [0, 7, -7, 2**40, 2**63 - 1, -(2**63)]
    assert beginnings([str(each) for each in values], "integer", exact=True) == beginnings(values, "integer")
    assert beginnings([str(2**64 - 1)], "integer", exact=True) == beginnings([2**63 - 1], "integer")


def test_records_of_an_object_lie_together_in_their_order() -> None:
    records = pl.DataFrame({"n": [1, 8192, 8193, 20_000_000, 2**40]})
    digits = records.select(as_hex(order_of_place("ab01" + "0" * 28, pl.col("n")))).to_series().to_list()
    assert digits == ["ab010000", "ab010000", "ab010001", "ab010989", "ab01ffff"]


@pytest.mark.parametrize(
    ("unique", "expected"),
    [
        (("s", "port", "day", "at"), "day"),
        (("port", "s"), "port"),
        (("s",), None),
        (("s", "huge", "unstored"), None),
        ((), None),
    ],
)
def test_times_go_before_integers_and_what_no_column_holds_is_left_out(
    unique: tuple[str, ...], expected: str | None
) -> None:
    cleaning = spec(*unique)
    assert (cleaning.ordered_by.name if cleaning.ordered_by else None) == expected
    assert identity_of(cleaning, ordered=True).ordered is (expected is not None or not unique)


def spec(*unique: str) -> Cleaning:
    fields = (
        Field(name="s"),
        Field(name="port", type="integer"),
        Field(name="day", type="date"),
        Field(name="at", type="datetime"),
        Field(name="huge", type="integer", constraints=Constraints(maximum=2**64)),
        Field(name="unstored", type="date", stored=False),
    )
    return Cleaning(fields=fields, unique=unique)


@pytest.mark.parametrize("unique", [("s", "port"), ("at", "s"), ()])
def test_the_hash_behind_the_beginning_is_that_of_tables_without(unique: tuple[str, ...]) -> None:
    raw = b"a,1,2026-01-02,2026-01-02T03:04:05,5,\nb,,,,,\nc,-9,0999-01-02,0999-01-02T03:04:05,5,\n"
    header = "s,port,day,at,huge,unstored"
    plain, ordered = (
        CleaningPlan.compile(spec(*unique), Format(), ordered=each).clean(batch_of(raw, header, object_id="ab" * 16))
        for each in (False, True)
    )
    before = dict(zip(plain.rows["_dcp_record"], plain.rows["_dcp_id"], strict=True))
    after = dict(zip(ordered.rows["_dcp_record"], ordered.rows["_dcp_id"], strict=True))
    assert {record: each[4:] for record, each in after.items()} == before
    assert ordered.rows["_dcp_id"].to_list() == sorted(after.values())
