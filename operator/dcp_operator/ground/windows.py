"""The times in which a release of the operator may begin to renew pods. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORDS = re.compile(
    r"(?:(?P<days>[A-Za-z,-]+) )?(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<zone>[A-Za-z0-9_+/-]+))?"
)


@dataclass(frozen=True)
class Window:
    """From `begin` to `end` of the clock of `zone`, on days (0 is Monday) by the one that it begins on."""

    days: frozenset[int]
    begin: time
    end: time
    zone: ZoneInfo

    def seconds_until(self, now: datetime) -> float:
        """Until it is open; 0 while it is."""
        today = now.astimezone(self.zone).date()
        waits = []
        for ahead in range(-1, 8):
            day = today + timedelta(days=ahead)
            if day.weekday() not in self.days:
                continue
            over = day if self.begin < self.end else day + timedelta(days=1)
            begins = datetime.combine(day, self.begin, self.zone).astimezone(UTC)
            ends = datetime.combine(over, self.end, self.zone).astimezone(UTC)
            if now < ends:
                waits.append(max(0.0, (begins - now).total_seconds()))
        return min(waits)


def read_windows(text: str) -> tuple[Window, ...]:
    """`Mon-Fri 22:00-06:00 Europe/Berlin; Sat,Sun 00:00-00:00`: days are optional (all), and so is the zone (UTC).

    A window that ends when it begins is a whole day. Raises ValueError that names the window.
    """
    return tuple(_window(each.strip()) for each in text.split(";") if each.strip())


def seconds_until_open(windows: Sequence[Window], now: datetime) -> float:
    """Until one of them is open; 0 where one is, or where there is none."""
    return min((each.seconds_until(now) for each in windows), default=0.0)


def _window(text: str) -> Window:
    found = _WORDS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r}: 'Mon-Fri 22:00-06:00 Europe/Berlin' is the form; days and zone may be left out")
    try:
        zone = ZoneInfo(found["zone"] or "UTC")
        begin, end = (time.fromisoformat(found[each]) for each in ("begin", "end"))
    except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{text!r}: {error}") from error
    except KeyError as error:
        raise ValueError(f"{text!r}: no such time zone") from error
    return Window(_days(found["days"], text), begin, end, zone)


def _days(text: str | None, window: str) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        ends = [DAYS.index(each.capitalize()) if each.capitalize() in DAYS else None for each in part.split("-")]
        if None in ends or len(ends) > 2:
            raise ValueError(f"{window!r}: {part!r} are no days: {', '.join(DAYS)}, or a range of them")
        first, last = ends[0] or 0, ends[-1] or 0
        days |= {(first + n) % 7 for n in range((last - first) % 7 + 1)}
    return frozenset(days)
