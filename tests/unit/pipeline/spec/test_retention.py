"""What a spec may say of how long its rows are kept."""

from __future__ import annotations

import pytest

from dcp_pipeline.spec.model import Cleaning, Field, Retention
from dcp_pipeline.spec.units import Duration
from dcp_pipeline.spec.words.retention import retention_problems

FIELDS = (
    Field(name="day", type="date"),
    Field(name="at", type="datetime"),
    Field(name="n", type="integer"),
    Field(name="unstored", type="datetime", stored=False),
)


def problems(retention: Retention, *unique: str) -> list[str]:
    return [str(each) for each in retention_problems(retention, Cleaning(fields=FIELDS, unique=unique))]


@pytest.mark.parametrize(
    ("retention", "unique"),
    [
        (Retention(by="at", keep=Duration("10m")), ("n", "at", "day")),
        (Retention(by="day", keep=Duration("1d")), ("day", "at")),
        (Retention(rejects=Duration("30d")), ("n",)),
        (Retention(by="at", keep=Duration("90d"), rejects=Duration("30d")), ("at",)),
    ],
)
def test_these_can_be_kept(retention: Retention, unique: tuple[str, ...]) -> None:
    assert problems(retention, *unique) == []


@pytest.mark.parametrize(
    ("retention", "unique", "said"),
    [
        (Retention(), ("at",), "has no member"),
        (Retention(by="at"), ("at",), "keep: is missing"),
        (Retention(keep=Duration("90d")), ("at",), "by: is missing"),
        (Retention(by="at", keep=Duration("9m")), ("at",), "at least 10m"),
        (Retention(by="at", keep=Duration("90d"), rejects=Duration("1s")), ("at",), "at least 10m"),
        (Retention(by="day", keep=Duration("23h")), ("day",), "at least 1d"),
        (Retention(by="at", keep=Duration("90d")), ("day", "at"), "in the order of 'day'"),
        (Retention(by="n", keep=Duration("90d")), ("n",), "names no stored date"),
        (Retention(by="at", keep=Duration("90d")), (), "names no stored date"),
        (Retention(by="unstored", keep=Duration("90d")), ("unstored",), "names no stored date"),
        (Retention(by="at", keep=Duration("90d")), ("n",), "names no stored date"),
    ],
)
def test_these_are_told_with_their_place(retention: Retention, unique: tuple[str, ...], said: str) -> None:
    (problem,) = problems(retention, *unique)
    assert problem.startswith("spec.sink.sql.retention")
    assert said in problem
