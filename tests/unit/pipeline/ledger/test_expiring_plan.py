"""How far rows have expired, and which partitions are wanted."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from dcp_pipeline.database.horizon import FIRST, still_standing
from dcp_pipeline.ledger.expiring.plan import Kept, bound, first_bounds, horizon, more_bounds
from dcp_worker.ground.order import order_of_field
from dcp_worker.sink.identity import young

NOW = datetime(2026, 11, 29, 13, 47, 11)
DAY = 86_400.0


def kept(days: float, kind: str = "datetime") -> Kept:
    return Kept("seen_at", kind, days * DAY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keep", "step"),
    [(600, 10), (3600, 60), (DAY, 3600), (7 * DAY, 21_600), (30 * DAY, DAY), (90 * DAY, DAY), (3650 * DAY, 30 * DAY)],
)
def test_a_step_is_about_a_twentieth_of_what_is_kept(keep: float, step: int) -> None:
    assert Kept("at", "datetime", keep).step_seconds == step
    assert len(first_bounds(Kept("at", "datetime", keep), NOW)) < 160
    assert Kept("at", "date", max(keep, DAY)).step_seconds == max(step, DAY)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1969, 12, 31), datetime(1970, 1, 1), datetime(1970, 1, 1, 0, 0, 1), NOW, datetime(2038, 1, 20),
        datetime(2106, 2, 8), datetime(9999, 12, 31),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["date", "datetime"])
def test_bounds_are_what_identities_begin_with(moment: datetime, kind: str) -> None:
    dtype = pl.Date if kind == "date" else pl.Datetime("us")
    frame = pl.DataFrame({"at": [moment]}, schema={"at": pl.Datetime("us")}).cast({"at": dtype})
    order = frame.select(order_of_field("at", kind)).item()  # type: ignore[arg-type]
    # What has no time begins with 0, and so does what was before 1970: no bound is so low.
    assert int(bound(moment, kind), 16) == max(order, 1)  # type: ignore[arg-type]


def test_rows_expire_when_they_are_older_than_is_kept_and_a_step_later_at_most() -> None:
    for minutes in range(0, 3 * 24 * 60, 97):
        now, thirty = NOW + timedelta(minutes=minutes), kept(30)
        below = horizon(thirty, now)
        assert bound(now - timedelta(days=31), "datetime") <= below <= bound(now - timedelta(days=30), "datetime")
        assert below in first_bounds(thirty, now)
        assert below >= horizon(thirty, now - timedelta(minutes=97))
    assert horizon(kept(2, "date"), NOW) == bound(datetime(2026, 11, 27), "date")


def test_partitions_are_made_before_they_are_needed() -> None:
    thirty, standing = kept(30), list(first_bounds(kept(30), NOW))
    assert (standing[0], standing[1]) == (FIRST, horizon(thirty, NOW))
    for hours in range(0, 24 * 40, 7):
        now = NOW + timedelta(hours=hours)
        more = more_bounds(thirty, now, standing)
        assert list(more) == sorted(more)
        assert all(each > standing[-1] for each in more)
        standing += more
        assert standing[-1] > bound(now + timedelta(days=1), "datetime")
    years_later = more_bounds(thirty, NOW + timedelta(days=4000), standing)
    assert len(years_later) < 60, "what was not needed meanwhile is not made"
    assert years_later[0] == horizon(thirty, NOW + timedelta(days=4000))
    assert len(more_bounds(kept(10 / 1440), NOW, [])) < 80


def test_rows_below_the_horizon_are_left_out_and_those_without_a_time_are_not() -> None:
    begins = ["00000000", "00000001", "65000000", "65000001", "ffffffff"]
    rows = pl.DataFrame({"_dcp_id": [bytes.fromhex(each) + bytes([7]) * 16 for each in begins], "n": range(5)})
    left, expired = young(rows, "65000001")
    assert (left["n"].to_list(), expired) == ([0, 3, 4], 2)
    assert young(rows, "")[1] == young(rows.clear(), "65000001")[1] == 0
    assert young(rows, "00000001")[1] == 0


def test_a_note_is_no_way_into_a_statement() -> None:
    assert still_standing(None) == still_standing("") == ""
    with pytest.raises(ValueError, match="non-hexadecimal"):
        still_standing("') OR 1 = 1 -- ")
