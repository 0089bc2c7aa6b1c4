"""The reason of a reject names what is wrong with a date or time that looks like one."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_worker.clean.plan import CleaningPlan
from support.batches import batch_of, cleaning_of, format_of


def reason(text: str, **field: Any) -> str:
    plan = CleaningPlan.compile(cleaning_of({"name": "v", "type": "datetime", **field}), format_of(delimiter=";"))
    (reject,) = plan.clean(batch_of(f"{text}\n".encode(), "v")).rejects
    assert reject.code == "type-error"
    return reject.reason


@pytest.mark.parametrize(
    ("text", "field", "why"),
    [
        ("2024-02-30T00:00:00", {}, "there is no 30 February 2024"),
        ("2023-02-29", {"type": "date"}, "there is no 29 February 2023"),
        ("2024-13-01 00:00:00", {}, "there is no month 13"),
        ("2024-02-01T24:00:00", {}, "00:00 of the next one is meant"),
        ("2024-02-01 25:10:00", {}, "there is no 25:10 on a clock"),
        ("2016-12-31T23:59:60Z", {}, "a leap second"),
        ("23:59:60", {"type": "time"}, "a leap second"),
        ("2024-02-01T10:15:00+24:00", {}, "no offset from UTC"),
        ("0000-00-00 00:00:00", {}, "name it in missingValues"),
        ("+10000-01-01T00:00:00", {}, "the year 10000 is not between"),
        ("0999-01-01", {"type": "date"}, "the year 999 is not between"),
        ("2019-03-31 02:30:00", {"timezone": "Europe/Vienna"}, "the clocks of Europe/Vienna skip this time"),
        ("31.03.2019 02:30", {"timezone": "Europe/Vienna", "format": "%d.%m.%Y %H:%M"}, "Europe/Vienna skip"),
        ("31.04.2024", {"type": "date", "format": "%d.%m.%Y"}, "there is no 31 April 2024"),
        ("30.02.2024", {"type": "date", "formats": ["default", "%d.%m.%Y"]}, "there is no 30 February 2024"),
    ],
)
def test_what_is_wrong_is_named(text: str, field: dict[str, Any], why: str) -> None:
    told = reason(text, **field)
    assert why in told.partition(": ")[2], told


@pytest.mark.parametrize("text", ["x", "2024-W05-4", "1.7e9", "10/4", "2024-02-01 10:15:00 UTC", "1" * 5000 + "-01-01"])
def test_of_what_is_no_moment_at_all_nothing_more_is_said(text: str) -> None:
    assert reason(text).endswith("is not a date and time between the years 1000 and 9999")
