"""Whether what is expected is met, and the reason in numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from dcp_pipeline.ledger.looking.arrivals import Arrivals
from dcp_pipeline.ledger.looking.expectations import judged
from dcp_pipeline.ledger.model import Books, ObjectBooks, ObjectState
from dcp_pipeline.spec.expectations.expect import Expect, Volume
from dcp_pipeline.spec.units import Duration

NOW = datetime(2026, 11, 29, 12)


def came(hours_ago: float | None, records: int = 0, first_hours_ago: float = 1000) -> Arrivals:
    last = {} if hours_ago is None else {"a": NOW - timedelta(hours=hours_ago)}
    first = None if hours_ago is None else NOW - timedelta(hours=first_hours_ago)
    return Arrivals(NOW, first, last, records)


def book(uri: str, read: int, rejected: int, hours_ago: float = 1, pending: int = 0) -> ObjectBooks:
    settled = read - pending - rejected
    return ObjectBooks(
        uri, "a", uri, ObjectState.CUT, None, read, settled, 0, rejected, 0, 0, pending, 1,
        settled_at=NOW - timedelta(hours=hours_ago),
    )  # fmt: skip


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
    (verdict,) = judged(Expect(new_data_within=Duration("26h")), ["a"], Books(), arrivals)
    assert (verdict.about, verdict.met) == ("newDataWithin/a", met)
    assert told in verdict.reason


def test_each_source_is_judged_apart() -> None:
    found = judged(Expect(new_data_within=Duration("2h")), ["a", "b"], Books(), came(1))
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
    (verdict,) = judged(Expect(records=Volume(min=1000)), ["a"], Books(), arrivals)
    assert verdict.met is met
    assert "1,000 are expected" in verdict.reason


@pytest.mark.parametrize(
    ("objects", "met", "told"),
    [
        ([book("x", 100, 5)], True, "none of 1 objects"),
        ([book("x", 100, 6)], False, "6.0% of 100 in x"),
        ([book("x", 100, 59, hours_ago=30)], True, "none of 0 objects"),
        ([book("x", 1000, 6, pending=900)], False, "6.0% of 100 in x"),
        ([book("x", 0, 0)], True, "none of 1"),
        ([book(f"o{n}", 200, 11 + n) for n in range(100)], False, "in 100 objects: 55.0%"),
    ],
)
def test_rejects_are_judged_by_the_object(objects: list[ObjectBooks], met: bool, told: str) -> None:
    (verdict,) = judged(Expect(max_rejected="5 %"), ["a"], Books(tuple(objects)), came(1))
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
