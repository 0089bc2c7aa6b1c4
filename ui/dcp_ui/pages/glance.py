"""All pipelines at a glance, what is wrong first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.ledger.looking.over_time import Step
from dcp_ui.drawing.bars import small
from dcp_ui.ground.fleet import Broken, Member
from dcp_ui.pages.site import SITE, Visit, path_of
from dcp_ui.reading.snapshot import HOURS, Snapshot
from dcp_ui.reading.verdict import Level, Remark, Verdict, judge
from dcp_ui.words.language import Words

_FEW = 24
"""Of so many pipelines the first look is waited for."""
_PATIENCE_SECONDS = 0.4
_SHOWN = 50
_LINKED = 100
_SQUARES = {each: f"l-{each.name.lower()}" for each in Level}
_LINK = Markup('<a class="{}" tabindex="-1" href="{}" title="{}"></a>')


class Line(msgspec.Struct, frozen=True):
    """A pipeline in the list."""

    key: str
    link: str
    verdict: Verdict
    remark: Remark | None
    spark: Markup
    rows: str
    backlog: str
    workers: str
    rejected: str
    age: str


async def glance(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit = Visit(site, request)
    fleet = await site.fleet()
    members = list(fleet.members.values())
    if len(members) <= _FEW:
        looks = await asyncio.gather(*(site.snapshot(each, _PATIENCE_SECONDS) for each in members))
    else:
        # Nothing is waited for, so each goes on at once: a task for each of a thousand would take longer than they do.
        fresh = max(5.0, len(members) / 20)
        looks = [await site.snapshot(each, 0.0, fresh) for each in members]
    seen = {each.key: (each, look.value) for each, look in zip(members, looks, strict=True)}
    rows = [Row(key, judge(snapshot)) for key, (_, snapshot) in seen.items()]

    def line(row: Row) -> Line:
        return _line(visit.words, *seen[row.key], row.verdict)

    return listing(visit, rows, line, fleet.broken, waiting=any(look.waits for look in looks))


class Row(msgspec.Struct, frozen=True):
    """A pipeline, and how it is."""

    key: str
    verdict: Verdict


def listing(
    visit: Visit,
    rows: Sequence[Row],
    line: Callable[[Row], Line],
    broken: Sequence[Broken] = (),
    *,
    waiting: bool = False,
    trouble: str | None = None,
) -> web.Response:
    """The page of these pipelines: the worst first, so many at once; `line` is asked for those that are shown."""
    query = visit.request.query
    wanted, level = query.get("q", "").strip(), query.get("level", "")
    ordered = sorted(rows, key=lambda each: (each.verdict.level, each.key))
    listed = [
        each
        for each in ordered
        if wanted.lower() in each.key.lower() and (not level or each.verdict.level.name.lower() == level)
    ]
    first = max(_whole(query.get("from", "0")), 0)
    counted = Counter(each.verdict.level for each in rows)
    return visit.page(
        "glance.html",
        lines=[line(each) for each in listed[first : first + _SHOWN]],
        counts={each: counted[each] for each in Level},
        broken=broken,
        squares=_squares(ordered) if len(rows) > _FEW else "",
        total=len(rows),
        found=len(listed),
        first=first,
        shown=_SHOWN,
        wanted=wanted,
        level=level,
        waiting=waiting,
        trouble=trouble,
    )


def _squares(ordered: Sequence[Row]) -> Markup:
    """A square for each pipeline; the worst lead to theirs. Made here, of text: a template takes five times as long."""
    parts: list[str] = []
    for place, each in enumerate(ordered):
        css = _SQUARES[each.verdict.level]
        if place < _LINKED and each.verdict.level <= Level.WARN:
            parts.append(_LINK.format(css, path_of(each.key), each.key))
        else:
            parts.append(f"<i class={css}></i>")  # a word of ours
    return Markup("".join(parts))  # noqa: S704


def _line(words: Words, member: Member, seen: Snapshot | None, verdict: Verdict) -> Line:
    ledger, queue = (seen.ledger, seen.queue) if seen else (None, None)
    rows = [0] * HOURS
    if ledger is not None:
        first = Step.HOUR.floor(ledger.now) - timedelta(hours=HOURS - 1)
        for each in ledger.hours:
            place = int((each.at - first) / timedelta(hours=1))
            if 0 <= place < HOURS:
                rows[place] += each.written
    settled = ledger.last_settled if ledger else None
    totals = ledger.totals if ledger else None
    return Line(
        key=member.key,
        link=path_of(member.key),
        verdict=verdict,
        remark=verdict.remarks[0] if verdict.remarks else None,
        spark=small(rows, words("rows of the last 24 hours: {n}", n=sum(rows))),
        rows=words.short(totals.written) if totals else "–",
        backlog=words.short(queue.stats.backlog) if queue else "–",
        workers=str(len(queue.workers)) if queue else "–",
        rejected=words.share(totals.rejected, totals.read) if totals else "–",
        age=words.age((ledger.now - settled).total_seconds()) if ledger and settled else "–",
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
