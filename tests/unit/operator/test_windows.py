"""When a release may begin to renew pods."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dcp_operator.ground.windows import read_windows, seconds_until_open

HOUR = 3600.0


def until(windows: str, now: str) -> float:
    return seconds_until_open(read_windows(windows), datetime.fromisoformat(now).replace(tzinfo=UTC)) / HOUR


@pytest.mark.parametrize(
    ("windows", "now", "hours"),
    [
        ("", "2026-11-29T12:00", 0),
        ("22:00-06:00", "2026-11-29T21:00", 1),
        ("22:00-06:00", "2026-11-29T23:00", 0),
        ("22:00-06:00", "2026-11-30T05:59", 0),
        ("22:00-06:00", "2026-11-30T06:00", 16),
        ("Mon-Fri 22:00-06:00", "2026-11-28T05:00", 0),  # Saturday morning: Friday's night
        ("Mon-Fri 22:00-06:00", "2026-11-28T22:00", 48),
        ("Sat,Sun 00:00-00:00", "2026-11-27T20:00", 4),
        ("Sat,Sun 00:00-00:00", "2026-11-29T23:59", 0),
        ("Sun-Tue 10:00-11:00", "2026-12-01T09:00", 1),
        ("mon 10:00-11:00; 15:00-16:00", "2026-11-30T11:00", 4),
        ("22:00-23:00 Europe/Berlin", "2026-07-01T19:00", 1),
        ("22:00-23:00 Europe/Berlin", "2026-11-29T19:00", 2),
        ("Mon 10:00-11:00", "2026-11-30T11:00", 167),
    ],
)
def test_the_time_until_one_is_open(windows: str, now: str, hours: float) -> None:
    assert until(windows, now) == pytest.approx(hours)


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        ("tonight", "'Mon-Fri 22:00-06:00 Europe/Berlin' is the form"),
        ("25:00-06:00", "hour must be in 0..23"),
        ("22:00-06:00 Europe/Atlantis", "no such time zone"),
        ("Mo-Fr 22:00-06:00", "'Mo-Fr' are no days"),
        ("Mon-Tue-Wed 22:00-06:00", "are no days"),
        ("22:00-06:00 ../../etc/passwd", "is the form"),
        ("22:00-06:00 /etc/passwd", ""),
    ],
)
def test_what_is_no_window_is_refused_in_words(windows: str, told: str) -> None:
    with pytest.raises(ValueError, match=told or ".") as raised:
        read_windows(windows)
    assert windows in str(raised.value)
