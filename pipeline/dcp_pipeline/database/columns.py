"""The types of the ledger's columns. Each room says how its dialect writes those that SQLAlchemy would not write so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, DateTime, LargeBinary, String, Text
from sqlalchemy.sql.functions import FunctionElement


class Ascii(String):
    """Up to `length` characters of ASCII, compared as bytes."""


class Id(String):
    """An id: always `length` hexadecimal digits."""


class Label(Text):
    """Up to `length` characters of anything, which may be part of a key."""


class LongText(Text):
    """16 MiB of text."""


class Bytes(LargeBinary):
    """16 MiB."""


class Moment(DateTime):
    """UTC, with microseconds."""


class Counter(BigInteger):
    """A number that counts by itself."""


class utc_now(FunctionElement[Any]):
    """The database's own clock, in UTC: the workers' clocks may differ."""

    type = Moment()
    inherit_cache = True
