"""Whether what is expected of a pipeline is met, with the reason in numbers: books and arrivals go in. All but the last
functions are pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from statistics import median

import msgspec
from sqlalchemy import Connection

from dcp_pipeline.ledger.looking.arrivals import Arrivals, MuchRejected, arrivals, much_rejected
from dcp_pipeline.ledger.looking.days import Day, days_of
from dcp_pipeline.ledger.looking.unusual import HISTORY_DAYS, is_judged, odd_count, odd_share
from dcp_pipeline.spec.expectations.expect import Expect, Volume

REJECTS_WITHIN = timedelta(days=1)
"""Older objects are history: what was wrong with them was told."""


_MOST_NAMED = 3


class Verdict(msgspec.Struct, frozen=True):
    """One expectation."""

    about: str
    """newDataWithin/SOURCE, records, maxRejected or unusual/SOURCE: what stays the same while it is not met."""
    met: bool
    reason: str


def judged(
    expect: Expect,
    sources: Sequence[str],
    rejected: MuchRejected,
    came: Arrivals,
    days: Mapping[str, Sequence[Day | None]] | None = None,
) -> tuple[Verdict, ...]:
    """A verdict for each expectation, for each source where it is of one.

    `rejected`: of the last day's objects; `days`: of each source, up to the last whole one.
    """
    return tuple(_judged(expect, sources, rejected, came, days or {}))


def _judged(
    expect: Expect,
    sources: Sequence[str],
    rejected: MuchRejected,
    came: Arrivals,
    days: Mapping[str, Sequence[Day | None]],
) -> Iterator[Verdict]:
    if expect.new_data_within is not None:
        for source in sources:
            yield _fresh(source, expect.new_data_within.timedelta, str(expect.new_data_within), came)
    if expect.records is not None:
        yield _enough(expect.records, came)
    if expect.most_rejected is not None:
        yield _accepted(str(expect.max_rejected), rejected)
    if expect.unusual:
        yesterday = f"{came.now - timedelta(days=1):%A, %Y-%m-%d}"
        for source in sources:
            yield _as_ever(source, yesterday, days.get(source, ()))


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


def _accepted(said: str, found: MuchRejected) -> Verdict:
    if found.held:
        records = sum(each.records for each in found.held)
        named = "; ".join(f"{each.uri}: {each.reason}" for each in found.held[:_MOST_NAMED])
        more = f"; and {len(found.held) - _MOST_NAMED:,} more" if len(found.held) > _MOST_NAMED else ""
        said = f"{len(found.held):,} objects are held, {records:,} records wait (dcp objects release, or drop)"
        return Verdict("maxRejected", False, f"{said}: {named}{more}")
    if not found.over:
        return Verdict(
            "maxRejected", True, f"none of {found.objects:,} objects of the last day has more than {said} rejects"
        )
    named = "; ".join(f"{each.share:.1%} of {each.settled:,} in {each.uri}" for each in found.worst)
    left = found.over - len(found.worst)
    more = f"; and {left:,} more" if left else ""
    return Verdict("maxRejected", False, f"more than {said} rejected in {found.over:,} objects: {named}{more}")


def _as_ever(source: str, yesterday: str, days: Sequence[Day | None]) -> Verdict:
    about = f"unusual/{source}"
    volume = [0 if each is None else each.records for each in days]
    if not is_judged(volume):
        told = f"{len(days):,} days are known of source {source}; {HISTORY_DAYS} are needed to tell what is unusual"
        return Verdict(about, True, told)
    found = list(_odd_ones(volume, days))
    if not found:
        return Verdict(about, True, f"source {source} was on {yesterday} as in the weeks before")
    found.sort(key=lambda each: -abs(each[0]))
    more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    named = "; ".join(said for _, said in found[:_MOST_NAMED])
    return Verdict(about, False, f"source {source} on {yesterday}: {named}{more}")


def _odd_ones(volume: Sequence[int], days: Sequence[Day | None]) -> Iterator[tuple[float, str]]:
    if odd := odd_count(volume):
        yield odd.score, f"{odd.value:,.0f} records, where about {odd.usual:,.0f} are usual (score {odd.score:+.1f})"
    last = days[-1]
    for name in last.fields if last is not None else ():
        of = [each.fields.get(name) if each is not None else None for each in days]
        shares = [each.nulls / each.rows if each is not None and each.rows else None for each in of]
        if odd := odd_share(shares):
            yield odd.score, f"{name} is missing in {odd.value:.1%}, usually {odd.usual:.1%} (score {odd.score:+.1f})"
        counts = [each.counted() if each is not None and each.rows else None for each in of]
        if odd := odd_count(counts):
            said = f"{name} has {odd.value:,.0f} distinct values, usually about {odd.usual:,.0f}"
            yield odd.score, f"{said} (score {odd.score:+.1f})"


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
    return expectations_of(connection, pipeline, expect, sources, came)


def expectations_of(
    connection: Connection, pipeline: str, expect: Expect, sources: Sequence[str], came: Arrivals
) -> tuple[Verdict, ...]:
    """The same, where it was asked already what came."""
    days = _days_for(connection, pipeline, expect, sources, came)
    return judged(expect, sources, _rejected_of(connection, pipeline, expect), came, days)


def _days_for(
    connection: Connection, pipeline: str, expect: Expect, sources: Sequence[str], came: Arrivals
) -> dict[str, list[Day | None]]:
    """Where what is unusual is looked for: the days of each source up to yesterday."""
    if not expect.unusual:
        return {}
    return days_of(connection, pipeline, dict.fromkeys(sources, came.now.date() - timedelta(days=1)))


def _rejected_of(connection: Connection, pipeline: str, expect: Expect) -> MuchRejected:
    """Where the last day's objects are judged by their rejects: those of which it was too much."""
    if expect.most_rejected is None:
        return MuchRejected()
    return much_rejected(connection, pipeline, REJECTS_WITHIN.total_seconds(), expect.most_rejected)
