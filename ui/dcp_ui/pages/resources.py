"""The pipelines of a cluster: all of them, and one, as the operator's status tells."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.spec.kubernetes.status import Condition, Status
from dcp_ui.drawing.way import Box, Part, SourceShown, Way, draw_way
from dcp_ui.ground.cluster import Cluster, Resource
from dcp_ui.ground.looks import Look
from dcp_ui.pages.glance import Line, Row, listing
from dcp_ui.pages.site import Frame, Visit, path_of
from dcp_ui.pages.way_of import books, in_a_sentence, queue_box
from dcp_ui.reading.conditions import judge, level_of
from dcp_ui.reading.verdict import Level
from dcp_ui.words.language import Words

_PATIENCE_SECONDS = 5.0


class ClusterSite(Frame, frozen=True, dict=True, kw_only=True):
    """All that these pages need. Built once by in_cluster.py."""

    cluster: Cluster

    async def resources(self) -> Look[dict[str, Resource]]:
        """The pipelines; one list for whoever looks."""
        return await self.looks.at("resources", self.cluster.read, _PATIENCE_SECONDS, fresh_seconds=2.0)


CLUSTER: web.AppKey[ClusterSite] = web.AppKey("cluster", ClusterSite)


class Shown(msgspec.Struct, frozen=True):
    """A condition, as a line."""

    condition: Condition
    level: Level
    age: str


async def resources(request: web.Request) -> web.Response:
    """The page of all of them."""
    site = request.app[CLUSTER]
    visit, look = Visit(site, request), await site.resources()
    found = look.value or {}
    rows = [Row(key, judge(each)) for key, each in found.items()]

    def line(row: Row) -> Line:
        return _line(visit.words, found[row.key], row)

    return listing(visit, rows, line, waiting=look.waits, trouble=look.trouble)


async def resource(request: web.Request) -> web.Response:
    """The page of one. Raises 404."""
    site = request.app[CLUSTER]
    visit, look = Visit(site, request), await site.resources()
    key = f"{request.match_info['namespace']}/{request.match_info['name']}"
    found = (look.value or {}).get(key)
    if found is None and look.value is not None:
        raise web.HTTPNotFound(text=f"no pipeline {key} is shown here")
    status = found.status if found else None
    way = _way(visit.words, found, status) if found and status else None
    return visit.page(
        "resource.html",
        crumb=key,
        key=key,
        look=look,
        resource=found,
        seen=status,
        verdict=judge(found) if found else None,
        lying=draw_way(way, standing=False) if way else None,
        standing=draw_way(way, standing=True) if way else None,
        conditions=[_shown(visit.words, each) for each in status.conditions] if status else [],
    )


def _shown(words: Words, condition: Condition) -> Shown:
    return Shown(condition, level_of(condition), _age(words, condition.last_transition_time))


def _age(words: Words, moment: str) -> str:
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return words.age(max((datetime.now(UTC) - then).total_seconds(), 0.0))


def _line(words: Words, found: Resource, row: Row) -> Line:
    status = found.status
    records = status.records if status else None
    return Line(
        key=row.key,
        link=path_of(row.key),
        verdict=row.verdict,
        remark=row.verdict.remarks[0] if row.verdict.remarks else None,
        spark=Markup(),
        rows=words.short(records.written) if records else "–",
        backlog=words.short(status.backlog.batches) if status and status.backlog else "–",
        workers=str(status.workers.ready) if status and status.workers else "–",
        rejected=words.share(records.rejected, records.read) if records else "–",
        age="–",
    )


def _way(words: Words, found: Resource, status: Status) -> Way:
    """The picture's contents. Which source is in trouble only the condition's message says."""
    reachable = next((each for each in status.conditions if each.type == "SourcesReachable"), None)
    css = {"True": "d-ok", "False": "d-bad"}.get(reachable.status if reachable else "", "d-unknown")
    note = {"d-ok": words("answers"), "d-bad": words("see what is wrong above")}.get(css, words("not known"))
    queue, workers, table = _queue(words, status), _workers(words, status), _table(words, status)
    backlog = status.backlog
    waits = backlog.batches - backlog.in_flight if backlog else 0
    return Way(
        said=in_a_sentence(words, len(found.sources), queue, workers, table),
        sources_name=words("Sources"),
        sources=tuple(SourceShown(each, note, css) for each in found.sources),
        more_sources=words("and {n} more", n=max(len(found.sources) - 5, 0)),
        queue=queue,
        queue_parts=(
            Part(words("in flight"), "q-inflight", backlog.in_flight if backlog else 0),
            Part(words("ready"), "q-ready", max(waits, 0)),
        ),
        workers=workers,
        workers_busy=(False,) * (status.workers.ready if status.workers else 0),
        table=table,
        books=books(words, status.records) if status.records else (),
        flows=bool(backlog and backlog.in_flight),
    )


def _queue(words: Words, status: Status) -> Box:
    backlog = status.backlog
    if backlog is None:
        return Box(words("Queue"), "–", (words("not read yet"),))
    return queue_box(words, backlog.batches, backlog.bytes, backlog.oldest_age_seconds, backlog.dead)


def _workers(words: Words, status: Status) -> Box:
    workers = status.workers
    if workers is None:
        return Box(words("Workers"), "–", (words("not known"),))
    figure = words("{n} ready", n=workers.ready) if workers.ready else words("none")
    return Box(words("Workers"), figure, (words("{n} wanted", n=workers.desired),))


def _table(words: Words, status: Status) -> Box:
    if status.records is None:
        return Box(words("Table"), "–", (words("no pod has told of it"),))
    return Box(words("Table"), words("{n} rows", n=words.short(status.records.written)), ())
