"""Whether what is expected is met, and the reason in numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from dcp_pipeline.ledger.looking.arrivals import Arrivals, MuchRejected, Rejecting
from dcp_pipeline.ledger.looking.expectations import judged
from dcp_pipeline.spec.expectations.expect import Expect, Volume, expect_problems
from dcp_pipeline.spec.units import Duration, decode_unit

NOW = datetime(2026, 11, 29, 12)


def came(
    hours_ago: float | None, records: int = 0, first_hours_ago: float = 1000, before: tuple[int, ...] = ()
) -> Arrivals:
    last = {} if hours_ago is None else {"a": NOW - timedelta(hours=hours_ago)}
    first = None if hours_ago is None else NOW - timedelta(hours=first_hours_ago)
    return Arrivals(NOW, first, last, records, before)


@pytest.mark.parametrize(
    ("arrivals", "met", "told"),
    [
        (came(25.9), True, "1 d 1 h ago"),
        (came(26), True, "1 d 2 h ago"),
        (came(26.1), False, "26h is expected"),
        (came(None), False, "has brought no records yet"),
        (came(0.5), True, "30 min ago"),
    ],
)
def test_new_data_is_judged_by_when_records_came(arrivals: Arrivals, met: bool, told: str) -> None:
    (verdict,) = judged(Expect(new_data_within=Duration("26h")), ["a"], MuchRejected(), arrivals)
    assert (verdict.about, verdict.met) == ("newDataWithin/a", met)
    assert told in verdict.reason


def test_each_source_is_judged_apart() -> None:
    found = judged(Expect(new_data_within=Duration("2h")), ["a", "b"], MuchRejected(), came(1))
    assert [(each.about, each.met) for each in found] == [("newDataWithin/a", True), ("newDataWithin/b", False)]


@pytest.mark.parametrize(
    ("arrivals", "met"),
    [
        (came(1, 1000), True),
        (came(1, 999), False),
        (came(1, 10, first_hours_ago=23), True),
        (came(1, 10, first_hours_ago=25), False),
        (came(None), False),
    ],
)
def test_a_volume_is_judged_once_its_time_has_passed(arrivals: Arrivals, met: bool) -> None:
    (verdict,) = judged(Expect(records=Volume(min=1000)), ["a"], MuchRejected(), arrivals)
    assert verdict.met is met
    assert "1,000 are expected" in verdict.reason


WEEK = (980, 1020, 1000, 5, 1000, 990, 40_000)
"""A day off, and a day on which a year was read again: the median of a week is moved by neither."""


@pytest.mark.parametrize(
    ("wanted", "arrivals", "met", "told"),
    [
        ({"drop": "50 %"}, came(1, 500, before=WEEK), True, "50% less than the 1,000 that are usual"),
        ({"drop": "50%"}, came(1, 499, before=WEEK), False, "the median of the 7 times 24h before"),
        ({"drop": "50%", "against": "3d"}, came(1, 499, before=WEEK[:3]), False, "the median of the 3 times"),
        ({"drop": "50%"}, came(1, 40_000, before=WEEK), True, "no less than"),
        ({"drop": "50%"}, came(1, 0, first_hours_ago=8 * 24 - 1, before=WEEK), True, "too early to tell"),
        ({"drop": "50%"}, came(1, 0, first_hours_ago=8 * 24 + 1, before=WEEK), False, "100% less"),
        ({"drop": "50%"}, came(1, 0, before=(0, 0, 0)), True, "no less than the 0"),
        ({"drop": "50%"}, came(None), True, "no less"),
        ({"min": 600, "drop": "50%"}, came(1, 550, before=WEEK), False, "600 are expected"),
        ({"min": 100, "drop": "50%"}, came(1, 400, before=WEEK), False, "60% less"),
        ({"drop": "50%", "per": "7s", "against": "14s"}, came(1, 1, before=(8, 5)), False, "than the 6 that are"),
    ],
)
def test_a_drop_is_judged_against_what_is_usual(
    wanted: dict[str, object], arrivals: Arrivals, met: bool, told: str
) -> None:
    volume = msgspec.convert(wanted, Volume, dec_hook=decode_unit)
    (verdict,) = judged(Expect(records=volume), ["a"], MuchRejected(), arrivals)
    assert (verdict.met, verdict.about) == (met, "records")
    assert told in verdict.reason


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ({}, "min or drop is wanted"),
        ({"min": 1, "per": "0s"}, "is 0"),
        ({"min": 1, "against": "7h"}, "is for drop"),
        ({"drop": "5%", "against": "47h"}, "2 to 60 times per"),
        ({"drop": "5%", "per": "1h", "against": "61h"}, "2 to 60 times per"),
        ({"drop": "5%", "per": "1h", "against": "60h"}, None),
        ({"drop": "5%", "min": 3}, None),
    ],
)
def test_a_volume_that_says_nothing_is_refused(records: dict[str, object], problem: str | None) -> None:
    found = list(expect_problems(Expect(records=msgspec.convert(records, Volume, dec_hook=decode_unit))))
    assert [problem in each.message for each in found] == ([] if problem is None else [True])  # type: ignore[operator]
    assert all(each.path.startswith("spec.expect.records") for each in found)


@pytest.mark.parametrize(
    ("found", "met", "told"),
    [
        (MuchRejected(1), True, "none of 1 objects"),
        (MuchRejected(0), True, "none of 0 objects"),
        (MuchRejected(7, 1, (Rejecting("x", 6, 100),)), False, "6.0% of 100 in x"),
        (
            MuchRejected(300, 100, tuple(Rejecting(f"o{n}", 110 - n, 200) for n in range(3))),
            False,
            "in 100 objects: 55.0% of 200 in o0; 54.5% of 200 in o1; 54.0% of 200 in o2; and 97 more",
        ),
    ],
)
def test_rejects_are_judged_by_the_object(found: MuchRejected, met: bool, told: str) -> None:
    (verdict,) = judged(Expect(max_rejected="5 %"), ["a"], found, came(1))
    assert verdict.met is met
    assert told in verdict.reason
    assert len(verdict.reason) < 300, "100 objects with one cause are one message"


@pytest.mark.parametrize("text", ["5%", "0.5 %", "100%", "101%", "five", "5", "-1%"])
def test_a_share_is_written_in_percent(text: str) -> None:
    if text in ("5%", "0.5 %", "100%"):
        assert msgspec.convert({"maxRejected": text}, Expect).most_rejected == float(text.rstrip("% ")) / 100
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"maxRejected": text}, Expect)
