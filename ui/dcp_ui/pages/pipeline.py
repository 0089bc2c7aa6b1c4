"""One pipeline: the picture of its way with live figures, what is wrong, and the last day."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.ledger.looking.over_time import Flow, Step
from dcp_ui.drawing.bars import Plot, Series, stacked
from dcp_ui.drawing.way import draw_way
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import Look
from dcp_ui.pages.site import SITE, Site, Visit
from dcp_ui.pages.way_of import way_of
from dcp_ui.reading.verdict import books_said, judge
from dcp_ui.words.language import Words

_PATIENCE_SECONDS = 0.6
RANGES = {
    "1h": (Step.MINUTE, timedelta(hours=1), "%H:%M"),
    "24h": (Step.HOUR, timedelta(hours=24), "%H:%M"),
    "7d": (Step.HOUR, timedelta(days=7), "%m-%d"),
    "30d": (Step.DAY, timedelta(days=30), "%m-%d"),
}
COUNTS = ("written", "duplicates", "filtered", "rejected")


async def pipeline(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request)
    chosen = range_of(request)
    look, flow = await asyncio.gather(site.snapshot(member, _PATIENCE_SECONDS), _flow(site, member, chosen))
    seen = look.value
    way = way_of(member.setup, seen, visit.words) if seen else None
    return visit.page(
        "pipeline.html",
        member=member,
        tab="",
        seen=seen,
        look=look,
        verdict=judge(seen),
        books_said=books_said(seen.ledger.totals) if seen and seen.ledger else "",
        lying=draw_way(way, standing=False) if way else None,
        standing=draw_way(way, standing=True) if way else None,
        plot=_plot(visit.words, flow, chosen) if flow.value else None,
        figures=_figures(visit.words, flow.value[1]) if flow.value else [],
        flow=flow,
        ranges=list(RANGES),
        chosen=chosen,
    )


def range_of(request: web.Request, otherwise: str = "24h") -> str:
    """How far back a plot goes."""
    wanted = request.query.get("range", otherwise)
    return wanted if wanted in RANGES else otherwise


async def _flow(site: Site, member: Member, chosen: str) -> Look[tuple[datetime, list[Flow]]]:
    step, span, _ = RANGES[chosen]

    def read() -> tuple[datetime, list[Flow]]:
        with site.servers.ledger(member.setup) as ledger:
            now = ledger.now()
            return now, ledger.flow(step.floor(now) - span + step.value, step)

    return await site.looks.at((member.key, "flow", chosen), read, _PATIENCE_SECONDS)


def _plot(words: Words, look: Look[tuple[datetime, list[Flow]]], chosen: str) -> list[Markup]:
    assert look.value is not None
    now, flow = look.value
    step, span, pattern = RANGES[chosen]
    moments = tuple(step.starts(step.floor(now) - span + step.value, now))
    by_moment = {each.at: each for each in flow}
    series = tuple(
        Series(words(name), f"s-{name}", tuple(getattr(by_moment.get(at), name, 0) for at in moments))
        for name in COUNTS
    )
    written = sum(each.written for each in flow)
    said = words("records by what became of them; {n} rows written", n=written)
    plot = Plot(said, moments, series, pattern)
    return [stacked(plot, words.short), stacked(plot, words.short, narrow=True)]


def _figures(words: Words, flow: list[Flow]) -> list[tuple[str, str, str]]:
    """Legend and sums: name, class, number."""
    return [(words(name), f"s-{name}", words.number(sum(getattr(each, name) for each in flow))) for name in COUNTS]
