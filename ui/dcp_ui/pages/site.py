"""What every page is made with, and the frame around it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from dcp_pipeline.observe.printable import printable
from dcp_ui.ground.fleet import Fleet, Member, fleet_of
from dcp_ui.ground.looks import Look, Looks
from dcp_ui.ground.ports import Desk
from dcp_ui.ground.servers import Servers
from dcp_ui.guard.audit import Audit
from dcp_ui.guard.session import COOKIE, Session, Sessions
from dcp_ui.reading.snapshot import Snapshot, take
from dcp_ui.words.language import LANGUAGES, Words, chosen

LANGUAGE_COOKIE = "dcp_lang"
_FLEET_PATIENCE_SECONDS = 30.0
_MANY = 100


@pass_context
def _shown(context: Context, value: Any) -> Any:
    """What a page prints: without secrets, and without marks that would have a line read otherwise than it is."""
    if value is None or isinstance(value, Markup | int | float):
        return value
    redact, text = context.get("redact"), str(value)
    return printable(redact(text) if redact else text)


def local_path(text: str) -> str:
    """Where to go on: a path of this server, for //elsewhere and /\\elsewhere lead out."""
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() else "/"


def path_of(key: str, page: str = "") -> str:
    """A pipeline's page."""
    return f"/p/{quote(key)}" + (f"/{page}" if page else "")


class Frame(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """What every page needs, whatever it shows."""

    looks: Looks
    sessions: Sessions

    @cached_property
    def templates(self) -> Environment:
        """Escapes whatever is printed, unless it was made as markup here."""
        found = Environment(
            loader=PackageLoader("dcp_ui", "pages/templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        found.globals["path_of"] = path_of
        found.filters["shown_name"] = unquote
        return found


class Site(Frame, frozen=True, dict=True, kw_only=True):
    """All that a page about spec files needs. Built once by server.py."""

    desk: Desk
    servers: Servers
    fleet_looks: Looks
    """Apart from the others, so that a thousand pipelines of a server that is away hold no page up."""
    page_looks: Looks
    """At what a visitor names: of endless many such, few are kept."""
    spec_looks: Looks
    """At the files: behind nobody's server."""
    audit: Audit

    async def fleet(self) -> Fleet:
        """The pipelines, as their files are; of many, as they were when somebody looked last: to see whether a thousand
        files have changed takes longer than the page."""

        def read() -> Fleet:
            return fleet_of(self.desk.specs())

        async def look(patience_seconds: float) -> Look[Fleet]:
            return await self.spec_looks.at("fleet", read, patience_seconds, fresh_seconds=2)

        found = await look(0.0)
        if found.value is None or len(found.value.members) <= _MANY:
            found = await look(_FLEET_PATIENCE_SECONDS)
        return found.value or Fleet({}, ())

    async def snapshot(self, member: Member, patience_seconds: float, fresh_seconds: float = 2.0) -> Look[Snapshot]:
        """How a pipeline is."""

        def read() -> Snapshot:
            return take(member.setup, self.servers, self.desk.embedded_url(member.setup))

        looks = self.looks if patience_seconds else self.fleet_looks
        return await looks.at((member.key, "snapshot"), read, patience_seconds, fresh_seconds)

    async def member(self, request: web.Request, to_act: bool = False) -> Member:
        """The pipeline that a request names; to act on, by its file as it is at this moment. Raises 404."""
        if to_act:
            self.spec_looks.forget(lambda key: key == "fleet")
        key = f"{request.match_info['namespace']}/{request.match_info['name']}"
        found = (await self.fleet()).members.get(key)
        if found is None:
            raise web.HTTPNotFound(text=f"no pipeline {key} is shown here")
        return found


SITE: web.AppKey[Site] = web.AppKey("site", Site)


class Visit:
    """One request: who asks, in which language."""

    def __init__(self, site: Frame, request: web.Request) -> None:
        self.site = site
        self.request = request
        language = chosen(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language", ""))
        self.words = Words(language)
        self.session: Session | None = site.sessions.of(request.cookies.get(COOKIE))

    def page(self, template: str, *, member: Member | None = None, status: int = 200, **values: Any) -> web.Response:
        """A page in its frame."""
        frame: Mapping[str, Any] = {
            "t": self.words,
            "languages": LANGUAGES,
            "session": self.session,
            "acting": self.site.sessions.enabled,
            "here": self.request.path_qs,
            "member": member,
            "crumb": member.key if member else "",
            "redact": member.setup.secrets.redact if member else None,
        }
        text = self.site.templates.get_template(template).render(**{**frame, **values})
        return web.Response(text=text, content_type="text/html", status=status)
