"""Whether what is expected of a pipeline is met, with the reason in numbers: books and arrivals go in. All but the last
function is pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median

import msgspec
from sqlalchemy import Connection

from dcp_pipeline.ledger.books import books_settled
from dcp_pipeline.ledger.looking.arrivals import Arrivals, arrivals
from dcp_pipeline.ledger.model import ObjectBooks
from dcp_pipeline.spec.expectations.expect import Expect, Volume

REJECTS_WITHIN = timedelta(days=1)
"""Older objects are history: what was wrong with them was told."""
_MOST_NAMED = 3


class Verdict(msgspec.Struct, frozen=True):
    """One expectation."""

    about: str
    """newDataWithin/SOURCE, records or maxRejected: what stays the same while it is not met."""
    met: bool
    reason: str


def judged(
    expect: Expect, sources: Sequence[str], lately: Sequence[ObjectBooks], came: Arrivals
) -> tuple[Verdict, ...]:
    """A verdict for each expectation, for each source where it is of a source. `lately`: objects of the last day."""
    return tuple(_judged(expect, sources, lately, came))


def _judged(expect: Expect, sources: Sequence[str], lately: Sequence[ObjectBooks], came: Arrivals) -> Iterator[Verdict]:
    if expect.new_data_within is not None:
        for source in sources:
            yield _fresh(source, expect.new_data_within.timedelta, str(expect.new_data_within), came)
    if expect.records is not None:
        yield _enough(expect.records, came)
    if expect.most_rejected is not None:
        yield _accepted(expect.most_rejected, str(expect.max_rejected), lately, came.now)


def _fresh(source: str, within: timedelta, said: str, came: Arrivals) -> Verdict:
    about, last = f"newDataWithin/{source}", came.last.get(source)
    if last is None:
        return Verdict(about, False, f"source {source} has brought no records yet; {said} is expected")
    age = came.now - last
    told = f"source {source} brought its last new records {_ago(age)} ago ({last:%Y-%m-%d %H:%M} UTC)"
    return Verdict(about, age <= within, f"{told}; {said} is expected")


def _enough(wanted: Volume, came: Arrivals) -> Verdict:
    """Too few, or far fewer than usual. What is usual is known once there was data all the time that is looked at."""
    found = [each for each in (_least(wanted, came), _usual(wanted, came)) if each is not None]
    return next((each for each in found if not each.met), found[0])


def _least(wanted: Volume, came: Arrivals) -> Verdict | None:
    if wanted.min is None:
        return None
    told = f"{came.records:,} records came in {wanted.per}; {wanted.min:,} are expected"
    return _told(came.records >= wanted.min, told, wanted.per.timedelta, came)


def _usual(wanted: Volume, came: Arrivals) -> Verdict | None:
    if wanted.most_dropped is None:
        return None
    usual = median(came.before) if came.before else 0
    lost = f"{1 - came.records / usual:.0%} less" if came.records < usual else "no less"
    told = (
        f"{came.records:,} records came in {wanted.per}, {lost} than the {usual:,.0f} that are usual "
        f"(the median of the {wanted.windows} times {wanted.per} before); at most {wanted.drop} less is expected"
    )
    enough = came.records >= (1 - wanted.most_dropped) * usual
    return _told(enough, told, (wanted.windows + 1) * wanted.per.timedelta, came)


def _told(met: bool, told: str, known_after: timedelta, came: Arrivals) -> Verdict:
    if not met and came.first is not None and came.now - came.first < known_after:
        return Verdict("records", True, f"{told}; the first came {_ago(came.now - came.first)} ago: too early to tell")
    return Verdict("records", met, told)


def _accepted(most: float, said: str, lately: Sequence[ObjectBooks], now: datetime) -> Verdict:
    late = [each for each in lately if each.settled_at is not None and now - each.settled_at <= REJECTS_WITHIN]
    over = sorted((each for each in late if _share(each) > most), key=_share, reverse=True)
    if not over:
        return Verdict(
            "maxRejected", True, f"none of {len(late):,} objects of the last day has more than {said} rejects"
        )
    named = "; ".join(f"{_share(each):.1%} of {_settled(each):,} in {each.uri}" for each in over[:_MOST_NAMED])
    more = f"; and {len(over) - _MOST_NAMED:,} more" if len(over) > _MOST_NAMED else ""
    return Verdict("maxRejected", False, f"more than {said} rejected in {len(over):,} objects: {named}{more}")


def _settled(each: ObjectBooks) -> int:
    return each.read - each.pending


def _share(each: ObjectBooks) -> float:
    return each.rejected / _settled(each) if _settled(each) else 0.0


def _ago(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def expectations(
    connection: Connection, pipeline: str, expect: Expect | None, sources: Sequence[str]
) -> tuple[Verdict, ...]:
    """Judge by the ledger as it is. Where nothing is expected nothing is asked."""
    if expect is None:
        return ()
    volume = expect.records
    came = arrivals(connection, pipeline, volume.per.seconds if volume else 0, volume.windows if volume else 0)
    judges = expect.most_rejected is not None
    lately = books_settled(connection, pipeline, REJECTS_WITHIN.total_seconds()) if judges else ()
    return judged(expect, sources, lately, came)
