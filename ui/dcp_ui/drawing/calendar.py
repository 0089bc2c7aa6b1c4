"""Days as squares, a column a week: on which days something came, and on which nothing did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import msgspec
from markupsafe import Markup

from dcp_ui.drawing.svg import picture, tag, text, title

_SIDE, _GAP, _LEFT, _TOP = 15.0, 3.0, 34.0, 20.0
_SHADES = 4


class Days(msgspec.Struct, frozen=True):
    """What is drawn: records by day, from the first day to today. Days before `began` are not said to be empty,
    nor is today, which is not over."""

    said: str
    first: date
    today: date
    began: date
    records: Mapping[date, int]
    weekdays: tuple[str, ...]
    """Of Monday, Wednesday and Friday."""


def draw_days(days: Days, told: Callable[[date, int], str]) -> Markup:
    """The calendar. Weeks begin on Monday."""
    monday = days.first - timedelta(days=days.first.weekday())
    weeks = (days.today - monday).days // 7 + 1
    typical = _typical(days)
    parts = [text(name, 0, _TOP + place * 2 * (_SIDE + _GAP) + 12, "axis") for place, name in enumerate(days.weekdays)]
    for week in range(weeks):
        start = monday + timedelta(days=7 * week)
        if start.day <= 7:
            parts.append(
                text(f"{start:%Y-%m}" if week == 0 or start.month == 1 else f"{start:%m}", _x(week), 12, "axis")
            )
        for weekday in range(7):
            day = start + timedelta(days=weekday)
            if not days.first <= day <= days.today:
                continue
            count = days.records.get(day, 0)
            empty = not count and days.began <= day < days.today  # today is not over
            css = _shade(count, typical) if count or empty else "day-before"
            y = _TOP + weekday * (_SIDE + _GAP)
            square = tag("rect", title(told(day, count)), x=_x(week), y=y, width=_SIDE, height=_SIDE, rx=3, class_=css)
            parts.append(square)
            if empty:
                parts.append(tag("path", d=f"M{_x(week) + 4:.0f} {y + 4:.0f}l7 7m0 -7l-7 7", class_="nothing"))
    width = max(_LEFT + weeks * (_SIDE + _GAP), 240.0)
    return picture(width, _TOP + 7 * (_SIDE + _GAP), days.said, *parts, class_="days")


def _x(week: int) -> float:
    return _LEFT + week * (_SIDE + _GAP)


def _typical(days: Days) -> float:
    """The median of the days on which something came: one great day does not pale the others."""
    counts = sorted(each for each in days.records.values() if each)
    return float(counts[len(counts) // 2]) if counts else 1.0


def _shade(count: int, typical: float) -> str:
    if not count:
        return "day-0"
    share = count / typical
    return f"day-{1 if share < 0.25 else 2 if share < 0.75 else 3 if share < 1.5 else _SHADES}"
