"""Freshness: a calendar for each source; on which days something came from it, and on which nothing did."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.ledger.looking.over_time import Flow, Step
from dcp_ui.drawing.calendar import Days, draw_days
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import Look
from dcp_ui.pages.site import SITE, Site, Visit
from dcp_ui.words.language import Words

_WEEKS = 26
_PATIENCE_SECONDS = 0.7


class Row(msgspec.Struct, frozen=True):
    """A source."""

    source: str
    picture: Markup
    last: date | None
    empty: int
    """Days without anything, since its first; today is not counted."""
    days: int
    still: bool
    """Whether the last day was not today or yesterday."""


async def freshness(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request)
    look = await _days(site, member)
    rows = []
    if look.value is not None:
        now, flow = look.value
        names = [each.name for each in member.setup.pipeline.spec.sources]
        gone = sorted({each.source for each in flow} - set(names))
        rows = [_row(visit.words, name, now, flow) for name in [*names, *gone]]
    return visit.page("freshness.html", member=member, tab="freshness", look=look, rows=rows)


async def _days(site: Site, member: Member) -> Look[tuple[datetime, list[Flow]]]:
    def read() -> tuple[datetime, list[Flow]]:
        with site.servers.ledger(member.setup) as ledger:
            now = ledger.now()
            return now, ledger.flow(_first(now), Step.DAY, by_source=True)

    return await site.looks.at((member.key, "days"), read, _PATIENCE_SECONDS, fresh_seconds=30.0)


def _first(now: datetime) -> datetime:
    monday = Step.DAY.floor(now) - timedelta(days=now.weekday())
    return monday - timedelta(weeks=_WEEKS - 1)


def _row(words: Words, source: str, now: datetime, flow: list[Flow]) -> Row:
    # A replay's entry reads nothing: nothing came.
    records = {each.at.date(): each.read for each in flow if each.source == source and each.read}
    today, began = now.date(), min(records, default=now.date())
    days = (today - began).days
    empty = sum(began + timedelta(days=each) not in records for each in range(days)) if records else 0
    last = max(records, default=None)
    said = words("{source}: {n} days with data, {m} without", source=source, n=len(records), m=empty)
    drawn = Days(
        said, _first(now).date(), today, began if records else today + timedelta(days=1), records, _weekdays(words)
    )

    def told(day: date, count: int) -> str:
        return f"{day:%Y-%m-%d}: " + (words("{n} records", n=count) if count else words("nothing"))

    still = last is not None and (today - last).days > 1
    return Row(source, draw_days(drawn, told), last, empty, days if records else 0, still)


def _weekdays(words: Words) -> tuple[str, ...]:
    return (words("Mon"), words("Wed"), words("Fri"))
