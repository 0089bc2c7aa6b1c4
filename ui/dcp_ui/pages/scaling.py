"""How many workers there were and why: the operator's decisions on a line of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.observe.scaling_note import ScalingNote, read_history, read_note
from dcp_ui.drawing.steps import Change, draw_steps
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import Look
from dcp_ui.pages.site import SITE, Site, Visit
from dcp_ui.words.language import Words

_PATIENCE_SECONDS = 1.0
_LISTED = 50


async def scaling(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request)
    look = await _notes(site, member)
    last, history = look.value or (None, [])
    return visit.page(
        "scaling.html",
        member=member,
        tab="scaling",
        look=look,
        last=last,
        history=[(_moment(each.at), each) for each in reversed(history[-_LISTED:])],
        plot=_plot(visit.words, history, last) if history else [],
        bounds=member.setup.pipeline.spec.scaling,
    )


async def _notes(site: Site, member: Member) -> Look[tuple[ScalingNote | None, list[ScalingNote]]]:
    def read() -> tuple[ScalingNote | None, list[ScalingNote]]:
        client = site.servers.redis(member.setup, site.desk.embedded_url(member.setup))
        name = member.setup.pipeline.queue_name
        return read_note(client, name), read_history(client, name)

    return await site.looks.at((member.key, "scaling"), read, _PATIENCE_SECONDS)


def _plot(words: Words, history: list[ScalingNote], last: ScalingNote | None) -> list[Markup]:
    until = _moment(max(time.time() if last else 0.0, history[-1].at))
    since = min(_moment(history[0].at), until - timedelta(minutes=10))
    changes = [
        Change(
            _moment(each.at), each.replicas, f"{_moment(each.at):%Y-%m-%d %H:%M:%S} · {each.replicas} · {each.reason}"
        )
        for each in history
    ]
    said = words("number of workers; it changed {n} times", n=len(history))
    return [draw_steps(changes, since, until, said, words.short, narrow) for narrow in (False, True)]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
