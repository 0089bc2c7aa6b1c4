"""Dead batches: what was given up, and why."""

from __future__ import annotations

from aiohttp import web

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import DeadBatch
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import Look
from dcp_ui.pages.site import SITE, Site, Visit

_PATIENCE_SECONDS = 0.7
_LISTED = 200


async def dead(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request)
    look = await _batches(site, member)
    batches = look.value or []
    return visit.page(
        "dead.html", member=member, tab="dead", look=look, batches=batches[:_LISTED], more=len(batches) - _LISTED
    )


async def _batches(site: Site, member: Member) -> Look[list[DeadBatch]]:
    def read() -> list[DeadBatch]:
        with site.servers.ledger(member.setup) as ledger:
            return Ledger(ledger.engine, member.key).dead_batches()

    return await site.looks.at((member.key, "dead"), read, _PATIENCE_SECONDS, fresh_seconds=1.0)
