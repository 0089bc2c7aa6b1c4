"""By which of an answer's headers one version is told from another: never by one that may stand for two. Pure.

RFC 9110, 8.8: a weak ETag, and a date whose second was not over when the answer was made, stay the same while bytes
change. What has neither a strong ETag nor a strong date is told apart by its digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SETTLED_SECONDS = 2
"""A date is believed so long after it, by the server's own clock: files' times have their ticks, too."""
SETTLED_BY_OUR_CLOCK_SECONDS = 60
"""The same where the server tells no time."""


@dataclass(frozen=True)
class Validators:
    """What a later answer can be compared by; None for what it does not have, or not strongly."""

    etag: str | None
    date: str | None

    @property
    def strongest(self) -> str | None:
        """What If-Range may name."""
        return self.etag or self.date


def validators_of(headers: Mapping[str, str], now: datetime) -> Validators:
    """The strong ones among an answer's; `now` with its zone."""
    etag = _text(headers.get("ETag"))
    return Validators(etag if etag and not etag.startswith("W/") else None, strong_date(headers, now))


def strong_date(headers: Mapping[str, str], now: datetime) -> str | None:
    """The Last-Modified, unless the file may have been changed once more within its second."""
    text = headers.get("Last-Modified")
    modified, answered = http_date(text), http_date(headers.get("Date"))
    if text is None or modified is None:
        return None
    age_seconds = ((answered or now) - modified).total_seconds()
    return _text(text) if age_seconds >= (SETTLED_SECONDS if answered else SETTLED_BY_OUR_CLOCK_SECONDS) else None


def token_of(validators: Validators, size_bytes: int | None) -> str | None:
    """The token of a version: the ETag, else the date and the size; None where the server gives neither."""
    if validators.etag:
        return f"etag:{validators.etag}"
    if validators.date:
        return f"modified:{validators.date};size:{'?' if size_bytes is None else size_bytes}"
    return None


def http_date(text: str | None) -> datetime | None:
    """The moment that a header names; None where it names none."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: str | None) -> str | None:
    """A header that a database can store, whatever bytes the server put in it."""
    return None if value is None else value.encode("utf-8", "replace").decode()
