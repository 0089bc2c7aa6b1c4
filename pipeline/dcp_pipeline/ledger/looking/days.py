"""What each day brought of each source, for `expect.unusual`: records, and of each field how many values are missing
and about how many distinct ones there are. Workers note it beside their commits; a row a day and source, for KEPT_DAYS.

These are no books: a worker that is killed loses what it has not noted yet, half a minute's at most.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.ledger.looking.unusual import KEPT_DAYS
from dcp_pipeline.ledger.tables import META

SKETCH = 256
"""Of the smallest hashes: about 1/sqrt(SKETCH) is the error of what they count. Bar-Yossef et al., Counting Distinct
Elements in a Data Stream, 2002."""
_HASHES = 2.0**64


class FieldDay(msgspec.Struct, frozen=True):
    """One field in the rows of a day."""

    rows: int = 0
    nulls: int = 0
    hashes: bytes = b""
    """The smallest SKETCH of its values' hashes, 8 bytes each."""
    by: str = ""
    """What hashed them; another does it otherwise."""
    distinct: int | None = None
    """Once the day is over; None while `hashes` tell, or where two hashed otherwise."""

    def counted(self) -> int | None:
        """How many values there are."""
        if self.distinct is not None or not self.by:
            return self.distinct
        hashes = array("Q", self.hashes)
        return len(hashes) if len(hashes) < SKETCH else round((SKETCH - 1) / (hashes[-1] / _HASHES))


class Day(msgspec.Struct, frozen=True):
    """One source in a day."""

    records: int = 0
    fields: Mapping[str, FieldDay] = {}


Noted = Mapping[tuple[str, str], Day]
"""By source and date (UTC, 2026-11-29)."""


def together(one: Day, other: Day) -> Day:
    """Both."""
    nothing = FieldDay()
    names = {**one.fields, **other.fields}
    both = {name: _both(one.fields.get(name, nothing), other.fields.get(name, nothing)) for name in names}
    return Day(one.records + other.records, both)


def _both(one: FieldDay, other: FieldDay) -> FieldDay:
    rows, nulls = one.rows + other.rows, one.nulls + other.nulls
    if one.rows and other.rows and one.by != other.by:
        return FieldDay(rows, nulls)
    smallest = sorted({*array("Q", one.hashes), *array("Q", other.hashes)})[:SKETCH]
    return FieldDay(rows, nulls, array("Q", smallest).tobytes(), one.by or other.by)


def note(connection: Connection, pipeline: str, noted: Noted) -> None:
    """Add what a worker has seen. Where another worker inserted the same day, it is to be done again."""
    for (source, day), seen in sorted(noted.items()):
        name = _name(pipeline, source, day)
        stands = connection.execute(select(META.c.value).where(META.c.name == name).with_for_update()).scalar()
        if stands is None:
            connection.execute(insert(META).values(name=name, value=_text(seen)))
            _tidy(connection, pipeline, source, _earlier(connection, day))
        else:
            whole = together(msgspec.json.decode(stands, type=Day), seen)
            connection.execute(update(META).where(META.c.name == name).values(value=_text(whole)))


def days_of(connection: Connection, pipeline: str, sources: Mapping[str, date]) -> dict[str, list[Day | None]]:
    """The days of each source, the oldest first, up to the one that is named; None where nothing came."""
    found: dict[str, list[Day | None]] = {}
    for source, last in sources.items():
        first = last - timedelta(days=KEPT_DAYS)
        bounds = META.c.name.between(_name(pipeline, source, f"{first}"), _name(pipeline, source, f"{last}"))
        rows = {
            name[-10:]: value for name, value in connection.execute(select(META.c.name, META.c.value).where(bounds))
        }
        known = [date.fromisoformat(each) for each in rows]
        each_day = [f"{min(known) + timedelta(days=n)}" for n in range((last - min(known)).days + 1)] if known else []
        found[source] = [msgspec.json.decode(rows[day], type=Day) if day in rows else None for day in each_day]
    return found


def _earlier(connection: Connection, day: str) -> str:
    """A worker's clock that is ahead ends no day, and forgets none."""
    return min(day, f"{connection.execute(select(utc_now())).scalar_one():%Y-%m-%d}")


def _tidy(connection: Connection, pipeline: str, source: str, today: str) -> None:
    """A day has begun: count those that are over, for good, and forget the oldest."""
    day = date.fromisoformat(today)
    oldest = _name(pipeline, source, f"{day - timedelta(days=KEPT_DAYS + 7)}")
    yesterday = _name(pipeline, source, f"{day - timedelta(days=1)}")
    mine = META.c.name.between(_name(pipeline, source, "0"), yesterday)
    for name, value in connection.execute(select(META.c.name, META.c.value).where(mine)).all():
        if name < oldest:
            connection.execute(delete(META).where(META.c.name == name))
        elif (stands := msgspec.json.decode(value, type=Day)) != (over := _counted(stands)) and name < yesterday:
            connection.execute(update(META).where(META.c.name == name).values(value=_text(over)))


def _counted(day: Day) -> Day:
    return Day(day.records, {name: FieldDay(f.rows, f.nulls, distinct=f.counted()) for name, f in day.fields.items()})


def _text(day: Day) -> str:
    return msgspec.json.encode(day).decode()


def _name(pipeline: str, source: str, day: str) -> str:
    return f"day/{pipeline}/{source}/{day}"
