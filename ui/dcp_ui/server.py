"""The server: which path is which page, and what stands around each of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dcp_ui.ground.looks import Looks
from dcp_ui.ground.ports import Desk
from dcp_ui.ground.servers import Servers
from dcp_ui.guard.audit import Audit
from dcp_ui.guard.headers import SAFE
from dcp_ui.guard.hosts import answers, is_foreign
from dcp_ui.guard.session import COOKIE, Sessions
from dcp_ui.pages import acting
from dcp_ui.pages.dead import dead
from dcp_ui.pages.freshness import freshness
from dcp_ui.pages.glance import glance
from dcp_ui.pages.objects import objects
from dcp_ui.pages.pipeline import pipeline
from dcp_ui.pages.rejects import rejects
from dcp_ui.pages.scaling import scaling
from dcp_ui.pages.site import LANGUAGE_COOKIE, SITE, Site, local_path
from dcp_ui.words.language import LANGUAGES

log = logging.getLogger(__name__)
_THREADS = 4
_MOST_BYTES = 64 * 1024
"""Of a form."""
PIPELINE = "/p/{namespace}/{name}"
"""The path of a pipeline's page."""
_COMPRESSED_FROM_BYTES = 2048
_PAGES_KEPT = 256
_IDLE_SECONDS = 75.0
_MOST_CONNECTIONS = 256
_THIN_OUT_SECONDS = 0.25


class Options(msgspec.Struct, frozen=True):
    """How the page is served. Without a token nothing can be done, only looked at."""

    host: str | None = "127.0.0.1"
    """None: every address."""
    port: int = 8090
    token: str | None = None
    audit_path: Path | None = None
    allowed_hosts: frozenset[str] = frozenset()
    any_address: bool = False
    """Requests that name no name but an address are answered, whichever it is."""
    allowed_by: str = "dcp ui --allow-host NAME"
    """What has it answer to a name more."""


def make_app(desk: Desk, options: Options) -> web.Application:
    """The application; its threads and connections end with it."""
    site = Site(
        desk=desk,
        servers=Servers(),
        looks=Looks(_THREADS),
        fleet_looks=Looks(2),  # more would take the page its turn: they are this process, too
        page_looks=Looks(_THREADS, kept=_PAGES_KEPT),
        spec_looks=Looks(1),
        sessions=Sessions(options.token),
        audit=Audit(options.audit_path),
    )
    if options.token:
        site.audit.check()
    app = guarded_app(options)
    app[SITE] = site
    app.add_routes(
        [
            web.get("/", glance),
            web.get(PIPELINE, pipeline),
            web.get(f"{PIPELINE}/objects", objects),
            web.get(f"{PIPELINE}/rejects", rejects),
            web.get(f"{PIPELINE}/freshness", freshness),
            web.get(f"{PIPELINE}/scaling", scaling),
            web.get(f"{PIPELINE}/dead", dead),
            web.get("/sign-in", acting.sign_in_form),
            web.post("/sign-in", acting.sign_in),
            web.post("/sign-out", acting.sign_out),
            web.get(f"{PIPELINE}/rejects/replay", acting.try_replay),
            web.post(f"{PIPELINE}/rejects/replay", acting.replay),
            web.post(f"{PIPELINE}/dead/requeue", acting.requeue),
            web.post(f"{PIPELINE}/objects/forget", acting.forget),
            web.post(f"{PIPELINE}/objects/reread", acting.reread),
            web.post(f"{PIPELINE}/objects/release", acting.release),
            web.post(f"{PIPELINE}/objects/drop", acting.drop),
        ]
    )
    app.on_cleanup.append(_close)
    return app


def guarded_app(options: Options) -> web.Application:
    """An application without a page yet: what stands around each, and what all have."""
    app = web.Application(middlewares=[_guarded(options)], client_max_size=_MOST_BYTES)
    app.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/language/{language}", _language),
            web.get("/static/{name}", _static),
        ]
    )
    return app


async def serve(app: web.Application, options: Options, stopped: asyncio.Event, told: Callable[[int], None]) -> None:
    """Serve until `stopped` is set; `told` is called with the port, once it is open. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=_IDLE_SECONDS)
    await runner.setup()
    thinning = asyncio.create_task(_thin_out(runner))
    try:
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        told(runner.addresses[0][1])
        await stopped.wait()
    finally:
        thinning.cancel()
        await runner.cleanup()


async def _thin_out(runner: web.AppRunner) -> None:
    """Half of a request, left open a thousand times, keeps nobody else out: the oldest go, and browsers come again."""
    while True:
        await asyncio.sleep(_THIN_OUT_SECONDS)
        open_ = runner.server.connections if runner.server is not None else []
        for each in open_[:-_MOST_CONNECTIONS]:
            if each.transport is not None:
                each.transport.abort()


def _guarded(options: Options) -> Middleware:
    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not answers(request.headers.get("Host"), options.allowed_hosts, options.any_address):
            text = f"This server does not answer to that name: {options.allowed_by} has it do so.\n"
            return _safe(web.Response(status=421, text=text))
        if is_foreign(request.headers):
            return _safe(web.Response(status=403, text="A page of another site has no use for this one.\n"))
        try:
            response = await handler(request)
        except web.HTTPException as raised:
            response = raised
            response.headers.update(SAFE)
            raise
        except Exception:
            log.exception("a page failed", extra={"path": request.path})
            response = web.Response(status=500, text="A defect of this program; its log says more.\n")
        _compress(request, response)
        return _safe(response)

    return guarded


def _compress(request: web.Request, response: web.StreamResponse) -> None:
    """Not where somebody may act: lengths of compressed pages give away what stands in them, the forms' token too."""
    body = response.body if isinstance(response, web.Response) else None
    wanted = "gzip" in request.headers.get("Accept-Encoding", "")  # "deflate" the API server's proxy reads otherwise
    if wanted and isinstance(body, bytes) and len(body) >= _COMPRESSED_FROM_BYTES and COOKIE not in request.cookies:
        response.enable_compression(web.ContentCoding.gzip)


def _safe(response: web.StreamResponse) -> web.StreamResponse:
    response.headers.update(SAFE)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _language(request: web.Request) -> web.Response:
    """The switch: keep the language, and go back to where it was thrown."""
    language = request.match_info["language"]
    if language not in LANGUAGES:
        raise web.HTTPNotFound(text="no such language")
    response = web.Response(status=303, headers={"Location": local_path(request.query.get("to", "/"))})
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, samesite="Lax", path="/")
    return response


_TYPES = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}


async def _static(request: web.Request) -> web.Response:
    kind = _TYPES.get(request.match_info["name"])
    if kind is None:
        raise web.HTTPNotFound(text="no such file")
    body = files("dcp_ui").joinpath("pages", "static", request.match_info["name"]).read_bytes()
    return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"})


async def _close(app: web.Application) -> None:
    site = app[SITE]
    await site.looks.close()
    await site.fleet_looks.close()
    await site.page_looks.close()
    await site.spec_looks.close()
    site.servers.close()
