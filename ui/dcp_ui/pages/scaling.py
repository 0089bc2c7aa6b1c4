"""How many workers there were and why: the operator's decisions on a line of time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import msgspec
from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.observe.scaling_note import ScalingNote, read_history, read_note
from dcp_ui.drawing.steps import Change, draw_steps
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import Look
from dcp_ui.ground.ports import Load, Simulated
from dcp_ui.pages.site import SITE, Site, Visit
from dcp_ui.reading.snapshot import Snapshot
from dcp_ui.words.language import Words

_PATIENCE_SECONDS = 1.0
_LISTED = 50
_PLAYED_HOURS = 6
_MOST_PLAYED = 20_000


class Played(msgspec.Struct, frozen=True):
    """The load of a time, and what the spec's scaling makes of it."""

    since: datetime
    until: datetime
    batches: int
    service_seconds: float
    steps: tuple[Simulated, ...]


async def scaling(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request)
    look, snapshot = await asyncio.gather(_notes(site, member), site.snapshot(member, 0.3))
    last, history = look.value or (None, [])
    played = await _played(site, member, _service_seconds(snapshot.value))
    told = _times(history, last, played.value)
    return visit.page(
        "scaling.html",
        member=member,
        tab="scaling",
        look=look,
        last=last,
        history=[(_moment(each.at), each) for each in reversed(history[-_LISTED:])],
        plot=_plot(visit.words, history, *told) if history else [],
        played=played.value,
        played_look=played,
        played_hours=_PLAYED_HOURS,
        played_at=lambda each: played.value.since + timedelta(seconds=each.at) if played.value else None,
        played_plot=_played_plot(visit.words, played.value, *told) if played.value else [],
        bounds=member.setup.pipeline.spec.scaling,
    )


async def _notes(site: Site, member: Member) -> Look[tuple[ScalingNote | None, list[ScalingNote]]]:
    def read() -> tuple[ScalingNote | None, list[ScalingNote]]:
        client = site.servers.redis(member.setup, site.desk.embedded_url(member.setup))
        name = member.setup.pipeline.queue_name
        return read_note(client, name), read_history(client, name)

    return await site.looks.at((member.key, "scaling"), read, _PATIENCE_SECONDS)


async def _played(site: Site, member: Member, service_seconds: float) -> Look[Played]:
    def read() -> Played:
        with site.servers.ledger(member.setup) as ledger:
            now = ledger.now()
            since = now - timedelta(hours=_PLAYED_HOURS)
            found = ledger.arrivals(since)
        batches = sum(count for _, count in found)
        # So many at most are played: six hours of a great feed would take minutes.
        spread = [
            (max((at - since).total_seconds(), 0.0) + 60 * part / count, 1)
            for at, count in found
            for part in range(count)
        ][:_MOST_PLAYED]
        load = Load(tuple(spread), _PLAYED_HOURS * 3600.0, service_seconds)
        return Played(since, now, batches, service_seconds, tuple(site.desk.simulate(member.setup, load)))

    return await site.page_looks.at((member.key, "played"), read, _PATIENCE_SECONDS, fresh_seconds=60.0)


def _service_seconds(seen: Snapshot | None) -> float:
    """How long a batch takes a worker, as those that are alive measured it; a second where none did."""
    vitals = [each.vitals for each in seen.queue.workers] if seen and seen.queue else []
    done = sum(each.tasks_done for each in vitals if each.busy_seconds)
    return round(max(sum(each.busy_seconds for each in vitals) / done, 0.05), 2) if done else 1.0


def _times(history: list[ScalingNote], last: ScalingNote | None, played: Played | None) -> tuple[datetime, datetime]:
    """From when to when both plots are: beside each other, they are of one time."""
    until = _moment(max(time.time() if last else 0.0, history[-1].at)) if history else datetime.min
    since = min(_moment(history[0].at), until - timedelta(minutes=10)) if history else datetime.max
    if played is not None:
        since, until = min(since, played.since), max(until, played.until)
    return since, until


def _plot(words: Words, history: list[ScalingNote], since: datetime, until: datetime) -> list[Markup]:
    changes = [
        Change(
            _moment(each.at), each.replicas, f"{_moment(each.at):%Y-%m-%d %H:%M:%S} · {each.replicas} · {each.reason}"
        )
        for each in history
    ]
    said = words("number of workers; it changed {n} times", n=len(history))
    return [draw_steps(changes, since, until, said, words.short, narrow) for narrow in (False, True)]


def _played_plot(words: Words, played: Played, since: datetime, until: datetime) -> list[Markup]:
    changes = [Change(played.since, 0, "")]
    for each in played.steps:
        at = played.since + timedelta(seconds=each.at)
        changes.append(Change(at, each.replicas, f"{at:%Y-%m-%d %H:%M:%S} · {each.replicas} · {each.reason}"))
    said = words("the same load by this spec's scaling; it would change {n} times", n=len(played.steps))
    return [draw_steps(changes, since, until, said, words.short, narrow) for narrow in (False, True)]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
