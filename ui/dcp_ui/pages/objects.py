"""The books, object by object, a page at a time."""

from __future__ import annotations

from aiohttp import web
from markupsafe import Markup

from dcp_pipeline.ledger.looking.pages import ObjectsPage
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_ui.drawing.way import Part, share_bar
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import Look
from dcp_ui.pages.site import SITE, Site, Visit
from dcp_ui.words.language import Words

_PER_PAGE = 50
_PATIENCE_SECONDS = 0.7
COUNTS = ("read", "written", "duplicates", "rejected", "filtered", "dead", "pending")


async def objects(request: web.Request) -> web.Response:
    """The page."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request)
    state = next((each for each in ObjectState if each.value == request.query.get("state")), None)
    names = [each.name for each in member.setup.pipeline.spec.sources]
    source = request.query.get("source") if request.query.get("source") in names else None
    older, newer = number_in(request, "older"), number_in(request, "newer")
    look = await _page(site, member, older, newer, state, source)
    snapshot = await site.snapshot(member, 0.3)
    return visit.page(
        "objects.html",
        member=member,
        tab="objects",
        look=look,
        page=look.value,
        counts=COUNTS,
        bars={each.books.object_id: _bar(visit.words, each.books) for each in look.value.objects} if look.value else {},
        states=list(ObjectState),
        numbers=snapshot.value.ledger.totals.objects if snapshot.value and snapshot.value.ledger else {},
        state=state,
        sources=names,
        source=source,
    )


async def _page(
    site: Site, member: Member, older: int | None, newer: int | None, state: ObjectState | None, source: str | None
) -> Look[ObjectsPage]:
    def read() -> ObjectsPage:
        with site.servers.ledger(member.setup) as ledger:
            return ledger.objects_page(older_than=older, newer_than=newer, state=state, source=source, limit=_PER_PAGE)

    key = (member.key, "objects", older, newer, state, source)
    return await site.page_looks.at(key, read, _PATIENCE_SECONDS, fresh_seconds=1.0)


def _bar(words: Words, books: ObjectBooks) -> Markup:
    """What became of an object's records."""
    parts = [Part(words(name), f"s-{name}", getattr(books, name)) for name in COUNTS[1:]]
    return share_bar(parts, ", ".join(f"{each.name} {each.count:,}" for each in parts if each.count) or "–")


def number_in(request: web.Request, name: str) -> int | None:
    """A number of the query; None where there is none."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
