"""Dead batches: what was given up, and why; and objects that are held, whose batches wait among the dead."""

from __future__ import annotations

from aiohttp import web

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.holding import HELD, HeldObject
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
    found, held = look.value or ([], ())
    batches = [each for each in found if not each.reason.startswith(HELD)]
    return visit.page(
        "dead.html",
        member=member,
        tab="dead",
        look=look,
        batches=batches[:_LISTED],
        more=len(batches) - _LISTED,
        held=held,
    )


async def _batches(site: Site, member: Member) -> Look[tuple[list[DeadBatch], tuple[HeldObject, ...]]]:
    def read() -> tuple[list[DeadBatch], tuple[HeldObject, ...]]:
        with site.servers.ledger(member.setup) as ledger:
            return Ledger(ledger.engine, member.key).dead_batches(), ledger.held()

    return await site.looks.at((member.key, "dead"), read, _PATIENCE_SECONDS, fresh_seconds=1.0)
