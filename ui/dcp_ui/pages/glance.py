"""All pipelines at a glance, what is wrong first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.ledger.looking.over_time import Step
from dcp_ui.drawing.bars import small
from dcp_ui.ground.fleet import Member
from dcp_ui.pages.site import SITE, Visit, path_of
from dcp_ui.reading.snapshot import HOURS, Snapshot
from dcp_ui.reading.verdict import Level, Remark, Verdict, judge
from dcp_ui.words.language import Words

_FEW = 24
"""Of so many pipelines the first look is waited for."""
_PATIENCE_SECONDS = 0.4
_SHOWN = 100


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
    few = len(members) <= _FEW
    patience, fresh = (_PATIENCE_SECONDS, 2.0) if few else (0.0, max(5.0, len(members) / 20))
    looks = await asyncio.gather(*(site.snapshot(each, patience, fresh) for each in members))
    seen = [(each, look.value, judge(look.value)) for each, look in zip(members, looks, strict=True)]
    seen.sort(key=lambda each: (each[2].level, each[0].key))
    wanted = request.query.get("q", "").strip()
    level = request.query.get("level", "")
    listed = [
        each
        for each in seen
        if wanted.lower() in each[0].key.lower() and (not level or each[2].level.name.lower() == level)
    ]
    first = max(_whole(request.query.get("from", "0")), 0)
    lines = [_line(visit.words, *each) for each in listed[first : first + _SHOWN]]
    counts = {each: sum(verdict.level is each for _, _, verdict in seen) for each in Level}
    return visit.page(
        "glance.html",
        lines=lines,
        counts=counts,
        broken=fleet.broken,
        squares=[(each.key, path_of(each.key), verdict.level) for each, _, verdict in seen] if not few else [],
        total=len(members),
        found=len(listed),
        first=first,
        shown=_SHOWN,
        wanted=wanted,
        level=level,
        waiting=any(look.waits for look in looks),
    )


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
