"""Why a text is no date or time although it looks like one: for the reason of a reject."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dcp_pipeline.spec.model import Field

_ISO = re.compile(
    r"(?:(?P<year>[-+]?\d{1,9})-(?P<month>\d\d)-(?P<day>\d\d))?"
    r"(?:[Tt ]?(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:[.,]\d+)?)?"
    r" ?(?:[Zz]|[+-](?P<offset>\d\d):?(?P<more>\d\d)?)?"
)
_LONGEST_CHARS = 100
_PARTS = {"d": "day", "m": "month", "Y": "year", "H": "hour", "M": "minute", "S": "second"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def moment_fault(text: str, field: Field) -> str | None:
    """What is wrong with it, in words; None where it is not written like one at all."""
    if len(text) > _LONGEST_CHARS:
        return None
    parts = _ISO.fullmatch(text.strip())
    if parts is not None and any(parts.groups()):
        fault = _of_date(parts) or _of_clock(parts)
        if fault:
            return fault
    return _of_formats(text.strip(), field) or _skipped(text.strip(), field)


def _of_date(parts: re.Match[str]) -> str | None:
    if parts["year"] is None:
        return None
    year, month, day = int(parts["year"]), int(parts["month"]), int(parts["day"])
    if year == month == day == 0:
        return "a date of zeros is no day: name it in missingValues where it stands for none"
    if not 1000 <= year <= 9999:
        return f"the year {year} is not between 1000 and 9999"
    return _no_day(year, month, day)


def _no_day(year: int, month: int, day: int) -> str | None:
    if not 1 <= month <= 12:
        return f"there is no month {month}"
    if not 1 <= day <= monthrange(year, month)[1]:
        return f"there is no {day} {_MONTHS[month - 1]} {year}"
    return None


def _of_clock(parts: re.Match[str]) -> str | None:
    if parts["hour"] is None:
        return None
    if int(parts["hour"]) == 24:
        return "24:00 is no time of its day: 00:00 of the next one is meant"
    if int(parts["hour"]) > 24 or int(parts["minute"]) > 59:
        return f"there is no {parts['hour']}:{parts['minute']} on a clock"
    if parts["second"] == "60":
        return "second 60, a leap second, is a time that no column can hold"
    if parts["second"] and int(parts["second"]) > 60:
        return f"there is no second {parts['second']}"
    if parts["offset"] and (int(parts["offset"]) > 23 or int(parts["more"] or 0) > 59):
        return "no offset from UTC is as long as a day"
    return None


def _of_formats(text: str, field: Field) -> str | None:
    """The day that a pattern's numbers name, where there is none."""
    for pattern in field.formats or (field.format or "default",):
        if pattern in ("default", "epoch-s", "epoch-ms"):
            continue
        try:
            parts = re.fullmatch(re.sub("%(.)", _shape, re.escape(pattern)), text)
        except re.error:  # a part twice
            continue
        found = {} if parts is None else {name: int(each) for name, each in parts.groupdict().items() if each}
        if {"year", "month", "day"} <= set(found) and 1 <= found["year"] <= 9999:
            fault = _no_day(found["year"], found["month"], found["day"])
            if fault:
                return fault
        if found.get("hour") == 24:
            return "24:00 is no time of its day: 00:00 of the next one is meant"
        if found.get("second") == 60:
            return "second 60, a leap second, is a time that no column can hold"
    return None


def _shape(directive: re.Match[str]) -> str:
    name = _PARTS.get(directive[1])
    return rf"(?P<{name}>\d{{1,9}})" if name else ".*?"


def _skipped(text: str, field: Field) -> str | None:
    """The hour that the clocks leave out when summer begins."""
    if field.type != "datetime" or field.timezone in ("UTC", "Etc/UTC"):
        return None
    for pattern in field.formats or (field.format or "default",):
        try:
            naive = datetime.fromisoformat(text) if pattern == "default" else datetime.strptime(text, pattern)
        except ValueError:
            continue
        zone = ZoneInfo(field.timezone)
        there = naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
        if naive.tzinfo is None and there.replace(tzinfo=None) != naive:
            return f"the clocks of {field.timezone} skip this time"
    return None
