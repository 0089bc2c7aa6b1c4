"""Rejects: by reason over time, each with its bytes, the place that fails, and what its rule says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec.structs import replace

from dcp_pipeline.ledger.looking.over_time import RejectsAt
from dcp_pipeline.ledger.looking.pages import DatedReject, RejectGroup, RejectKey
from dcp_pipeline.ledger.model import RejectFilter
from dcp_ui.drawing.bars import Plot, Series, stacked
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import Look
from dcp_ui.pages.pipeline import RANGES, range_of
from dcp_ui.pages.site import SITE, Site, Visit
from dcp_ui.reading.marks import SHOWN_BYTES, Marked, marked
from dcp_ui.reading.rules import MEANINGS, rule_of
from dcp_ui.words.language import Words

_PER_PAGE = 20
_PATIENCE_SECONDS = 0.7
_COLOURS = 6
_PARTS = ("source", "object", "code", "field")


class Card(msgspec.Struct, frozen=True):
    """A reject as it is shown."""

    found: DatedReject
    record: Marked | None
    rule: str
    meaning: str


async def rejects(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request)
    wanted, chosen = filter_of(request), range_of(request, "30d")
    groups, over_time, page = await asyncio.gather(
        _groups(site, member), _over_time(site, member, chosen), _page(site, member, wanted, _after(request))
    )
    found = page.value or []
    colours = _coloured(groups.value or [])
    return visit.page(
        "rejects.html",
        member=member,
        tab="rejects",
        look=page,
        groups=[(each, colours[_name(each.code, each.field)]) for each in groups.value or []],
        groups_look=groups,
        over_time=over_time,
        plot=_plot(visit.words, over_time.value, colours, chosen) if over_time.value else [],
        cards=[_card(member, each) for each in found[:_PER_PAGE]],
        older=found[_PER_PAGE - 1].key if len(found) > _PER_PAGE else None,
        wanted=wanted,
        query=query_of(wanted),
        ranges=list(RANGES),
        chosen=chosen,
        paged="after" in request.query,
    )


def filter_of(request: web.Request) -> RejectFilter:
    """Which rejects a request is about."""
    return filter_from(request.query)


def filter_from(given: Mapping[str, Any]) -> RejectFilter:
    """Which rejects a query or a form names."""
    source, object_id, code, field = (str(given.get(name) or "") or None for name in _PARTS)
    return RejectFilter(source, object_id, code, field)


def query_of(wanted: RejectFilter) -> dict[str, str]:
    """The same as parts of a query or fields of a form."""
    parts = {"code": wanted.code, "field": wanted.field, "source": wanted.source, "object": wanted.object_id}
    return {name: value for name, value in parts.items() if value}


def _after(request: web.Request) -> RejectKey | None:
    at, _, rest = request.query.get("after", "").partition("~")
    batch, _, record = rest.partition("~")
    try:
        return RejectKey(datetime.fromisoformat(at), batch, int(record)) if batch and len(record) < 19 else None
    except ValueError:
        return None


async def _groups(site: Site, member: Member) -> Look[list[RejectGroup]]:
    def read() -> list[RejectGroup]:
        with site.servers.ledger(member.setup) as ledger:
            return ledger.reject_groups()

    return await site.looks.at((member.key, "groups"), read, _PATIENCE_SECONDS)


async def _over_time(site: Site, member: Member, chosen: str) -> Look[tuple[datetime, list[RejectsAt]]]:
    step, span, _ = RANGES[chosen]

    def read() -> tuple[datetime, list[RejectsAt]]:
        with site.servers.ledger(member.setup) as ledger:
            now = ledger.now()
            return now, ledger.rejects_over_time(step.floor(now) - span + step.value, step)

    return await site.looks.at((member.key, "rejects over time", chosen), read, _PATIENCE_SECONDS)


async def _page(site: Site, member: Member, wanted: RejectFilter, after: RejectKey | None) -> Look[list[DatedReject]]:
    def read() -> list[DatedReject]:
        with site.servers.ledger(member.setup) as ledger:
            return [_as_shown(each) for each in ledger.rejects_page(wanted, after, _PER_PAGE + 1)]

    return await site.page_looks.at((member.key, "rejects", wanted, after), read, _PATIENCE_SECONDS, fresh_seconds=1.0)


def _as_shown(found: DatedReject) -> DatedReject:
    """Without the bytes that no page shows, of which a reject may have many."""
    raw = found.reject.raw
    if raw is None or len(raw) <= SHOWN_BYTES:
        return found
    return replace(found, reject=replace(found.reject, raw=raw[:SHOWN_BYTES]))


def _name(code: str, field: str | None) -> str:
    return f"{field}: {code}" if field else code


def _coloured(groups: list[RejectGroup]) -> dict[str, str]:
    """A colour for each of the greatest kinds; the others share one."""
    names = [_name(each.code, each.field) for each in groups]
    return {name: f"c{min(place, _COLOURS) + 1}" for place, name in enumerate(names)}


def _plot(words: Words, seen: tuple[datetime, list[RejectsAt]], colours: dict[str, str], chosen: str) -> list[Markup]:
    now, found = seen
    step, span, pattern = RANGES[chosen]
    moments = tuple(step.starts(step.floor(now) - span + step.value, now))
    counted: dict[str, Counter[datetime]] = {}
    for each in found:
        name = _name(each.code, each.field)
        css = colours.get(name, f"c{_COLOURS + 1}")
        shown = name if css != f"c{_COLOURS + 1}" else words("others")
        counted.setdefault(shown, Counter())[each.at] += each.count
    series = tuple(
        Series(name, colours.get(name, f"c{_COLOURS + 1}"), tuple(counts[at] for at in moments))
        for name, counts in counted.items()
    )
    said = words("rejects by field and reason; {n} in all", n=sum(each.count for each in found))
    plot = Plot(said, moments, series, pattern)
    return [stacked(plot, words.short), stacked(plot, words.short, narrow=True)]


def _card(member: Member, found: DatedReject) -> Card:
    reject, pipeline = found.reject, member.setup.pipeline
    rule = rule_of(pipeline, reject.field)
    return Card(found, marked(pipeline, reject, found.labels), rule, MEANINGS.get(reject.code, ""))
