"""Whether a day's figure is unusual for its series: a robust score against the same weekday of the weeks before. Pure.

    expected(t) = median of x(t-7), x(t-14), ... up to WEEKS of them
    r(t)        = x(t) - expected(t)                 over the last SPREAD_DAYS days
    score       = (r(today) - median r) / max(1.4826 * median |r - median r|, floor)

The weekday takes the season out, the median of r a steady trend (by which the weeks before lag behind), and medians
do not move by some odd days among those (Hampel, The Influence Curve and its Role in Robust Estimation, 1974; 1.4826
makes the median deviation of a normal distribution its standard deviation). Counts are compared as logarithms, shares
as arcsines of their roots, so that a spread means the same for large and small.

How often it is wrong: `tests/bench/unusual.py`, docs/server.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import msgspec

WEEK, WEEKS, LEAST_WEEKS = 7, 8, 3
SPREAD_DAYS, LEAST_SPREAD_DAYS = 35, 14
HISTORY_DAYS = WEEK * LEAST_WEEKS + LEAST_SPREAD_DAYS
"""After which a series is judged."""
KEPT_DAYS = WEEK * WEEKS + SPREAD_DAYS
"""Of which a judgement makes use."""
THRESHOLD = 7.0
COUNT_FLOOR, SHARE_FLOOR = 0.08, 0.02
"""Least spreads: a series that never moved is not unusual for moving a little (by 1.75 times; from 0 to 2 %)."""

Series = Sequence[float | None]
"""A value for each day, the oldest first; None where there is none."""


class Odd(msgspec.Struct, frozen=True):
    """Today's value is unusual."""

    value: float
    usual: float
    score: float


def odd_count(days: Series) -> Odd | None:
    """Of something that is counted."""
    found = _odd([None if each is None else math.log1p(each) for each in days], COUNT_FLOOR)
    return found and Odd(math.expm1(found.value), max(0.0, math.expm1(found.usual)), found.score)


def odd_share(days: Series) -> Odd | None:
    """Of a share of 1."""
    found = _odd([None if each is None else math.asin(math.sqrt(each)) for each in days], SHARE_FLOOR)
    return found and Odd(_share(found.value), _share(found.usual), found.score)


def is_judged(days: Series) -> bool:
    """Whether so much is known of it."""
    return days[-1:] != [] and days[-1] is not None and len(_residuals(days)) > LEAST_SPREAD_DAYS


def _share(angle: float) -> float:
    return math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2


def _odd(days: Series, floor: float) -> Odd | None:
    today = days[-1] if days else None
    found = _residuals(days)
    if today is None or len(found) <= LEAST_SPREAD_DAYS or (expected := _expected(days, len(days) - 1)) is None:
        return None
    *before, last = found
    middle = median(before)
    spread = max(1.4826 * median(abs(each - middle) for each in before), floor)
    score = (last - middle) / spread
    return Odd(today, expected + middle, score) if abs(score) > THRESHOLD else None


def _residuals(days: Series) -> list[float]:
    found = []
    for at in range(max(0, len(days) - 1 - SPREAD_DAYS), len(days)):
        value, expected = days[at], _expected(days, at)
        if value is not None and expected is not None:
            found.append(value - expected)
    return found


def _expected(days: Series, at: int) -> float | None:
    same = (days[each] for each in range(at - WEEK, max(-1, at - WEEK * WEEKS - 1), -WEEK))
    known = [each for each in same if each is not None]
    return median(known) if len(known) >= LEAST_WEEKS else None
