"""What is unusual, by the days before; and what workers note of a day."""

from __future__ import annotations

import random
from datetime import datetime

import polars as pl
import pytest

from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.ledger.looking.arrivals import Arrivals, MuchRejected
from dcp_pipeline.ledger.looking.days import SKETCH, Day, FieldDay, Noted, together
from dcp_pipeline.ledger.looking.expectations import judged
from dcp_pipeline.ledger.looking.unusual import HISTORY_DAYS, Series, is_judged, odd_count, odd_share
from dcp_pipeline.spec.expectations.expect import Expect
from dcp_worker.days import Days, day_of


def weeks(days: int = 91, weekend: float = 0.2, growth: float = 1.0, base: float = 1000) -> list[float]:
    """A day's records, +-3 %; of 91 the last is a Sunday, of 89 a Friday."""
    wobble = random.Random(7)
    return [base * growth**day * (weekend if day % 7 >= 5 else 1.0) * wobble.uniform(0.97, 1.03) for day in range(days)]


@pytest.mark.parametrize(
    ("days", "odd"),
    [
        (weeks(), False),
        (weeks(growth=1.01), False),
        ([*weeks()[:-1], 1000.0], True),
        (weeks(89), False),
        ([*weeks(89)[:-1], 200.0], True),
        ([*weeks(89)[:-1], 0.0], True),
        ([*weeks()[:60], *[9000.0] * 2, *weeks()[62:]], False),
        ([*weeks()[:62], *[None] * 7, *weeks()[69:]], False),
        ([*weeks(HISTORY_DAYS)[:-1], 9000.0], False),
        ([0.0] * 90, False),
        ([0.0] * 89 + [1.0], True),
        ([5.0] * 89 + [7.0], False),
        ([5.0] * 90 + [None], False),
        ([], False),
    ],
)
def test_a_weekday_is_compared_with_its_like(days: Series, odd: bool) -> None:
    assert (odd_count(days) is not None) is odd


def test_a_series_is_judged_once_enough_of_it_is_known() -> None:
    assert [is_judged(weeks(days)) for days in (1, HISTORY_DAYS, HISTORY_DAYS + 1)] == [False, False, True]
    assert not is_judged([*weeks(), None])


@pytest.mark.parametrize(
    ("before", "today", "odd"), [(0.0, 0.0, False), (0.0, 0.01, False), (0.0, 0.04, True), (0.5, 0.52, False),
                                 (0.5, 0.9, True), (0.01, 0.6, True), (1.0, 1.0, False), (1.0, 0.7, True)],
)  # fmt: skip
def test_shares_are_compared_by_what_their_difference_means(before: float, today: float, odd: bool) -> None:
    found = odd_share([before] * 70 + [today])
    assert (found is not None) is odd
    if found is not None:
        assert (round(found.value, 6), round(found.usual, 6)) == (today, before)


def test_days_are_added_up_however_they_are_cut() -> None:
    values = [f"v{n % 1500}" if n % 4 else None for n in range(6000)]
    frame = pl.DataFrame({"a": values, "b": list(range(6000)), "_dcp_record": list(range(6000))})
    whole = day_of(6100, frame)
    parts = [day_of(0, frame[start : start + 700]) for start in range(0, 6000, 700)]
    summed = Day(6100)
    for part in random.Random(3).sample(parts, len(parts)):
        summed = together(summed, part)
    assert summed == whole
    assert set(whole.fields) == {"a", "b"}
    assert (whole.fields["a"].rows, whole.fields["a"].nulls) == (6000, 1500)
    for name, distinct in (("a", len({v for v in values if v})), ("b", 6000)):
        assert whole.fields[name].counted() == pytest.approx(distinct, rel=5 / SKETCH**0.5)
    few = day_of(4, pl.DataFrame({"a": ["x", "y", "x", None]})).fields["a"]
    assert few.counted() == 2


def test_hashes_of_two_releases_tell_nothing_together() -> None:
    one = Day(1, {"a": FieldDay(1, 0, bytes(8), "polars 1")})
    other = Day(1, {"a": FieldDay(1, 0, bytes(8), "polars 2")})
    both = together(one, other).fields["a"]
    assert (both.rows, both.counted()) == (2, None)
    assert together(together(one, other), one).fields["a"].counted() is None


def test_what_cannot_be_noted_is_noted_later() -> None:
    now, away = [0.0], [True]
    noted: list[Noted] = []

    def note(seen: Noted) -> None:
        if away:
            raise SinkUnavailable("away")
        noted.append(seen)

    days = Days(note, lambda: now[0])
    days.seen("s", 3, pl.DataFrame({"a": [1, None, 3]}))
    days.note()
    now[0] = 86_400.0
    days.note()
    days.seen("s", 1, pl.DataFrame({"a": [4]}))
    away.clear()
    days.note()
    assert noted == [], "not every two seconds"
    days.note(at_once=True)
    days.note(at_once=True)
    (seen,) = noted
    assert {day: (each.records, each.fields["a"].nulls) for (_, day), each in seen.items()} == {
        "1970-01-01": (3, 1), "1970-01-02": (1, 0),
    }  # fmt: skip


def test_a_source_is_one_verdict_that_names_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    came = Arrivals(datetime(2026, 11, 29, 12), None, {}, 0)
    expect = Expect(unusual=True)

    def day(records: int, nulls: int, distinct: int) -> Day:
        return Day(records, {"ip": FieldDay(records, nulls, distinct=distinct), "n": FieldDay(records, 0, distinct=5)})

    calm = [day(1000, 10, 400) for _ in range(60)]
    (early,) = judged(expect, ["s"], MuchRejected(), came, {"s": calm[:20]})
    assert (early.met, early.reason.startswith("20 days are known")) == (True, True)
    (well,) = judged(expect, ["s"], MuchRejected(), came, {"s": calm})
    assert (well.about, well.met) == ("unusual/s", True)
    (odd, other) = judged(
        expect, ["s", "t"], MuchRejected(), came, {"s": [*calm, day(1000, 600, 30)], "t": [*calm, None]}
    )
    assert not odd.met
    assert odd.reason.startswith("source s on Saturday, 2026-11-28: ip is missing in 60.0%, usually 1.0% (score +")
    assert "ip has 30 distinct values, usually about 400" in odd.reason
    assert "0 records, where about 1,000 are usual" in other.reason
