"""An HTTP server on loopback, in a thread of its own, whose files and faults are steered while it runs.

with feed_server() as feed:
    feed.put("a.csv", b"...")
    feed.fail("a.csv", status=503, times=2)
    ... feed.url, feed.requests("a.csv")
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha1
from typing import Any, Literal
from urllib.parse import quote

from aiohttp import web

_PIECE_BYTES = 1 << 16
Style = Literal["nginx", "apache", "http.server", "json"]


@dataclass
class Served:
    """One file, and how it is served."""

    content: bytes
    etag: str | None
    last_modified: str | None
    content_type: str = "text/csv"
    content_encoding: str | None = None
    ranges: bool = True
    status: int = 200
    location: str | None = None


@dataclass
class Fault:
    """What goes wrong with the next answers for a file."""

    times: int
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    break_after: int | None = None
    """Bytes after which the connection is cut."""
    stall_after: int | None = None
    """Bytes after which nothing comes any more, until release()."""
    then_put: bytes | None = None
    """The file's content once the fault has shown."""


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    headers: dict[str, str]


class FeedServer:
    """Files below `url`, which ends in a slash. Thread-safe enough for tests."""

    def __init__(self, ssl_context: Any = None) -> None:
        self.files: dict[str, Served] = {}
        self.style: Style = "nginx"
        self.authorization: str | None = None
        """What Authorization must say; None: nothing is asked for."""
        self.page_size = 1000
        self.asked: list[Asked] = []
        self.sent_bytes = 0
        self._faults: dict[str, list[Fault]] = {}
        self._piece_bytes, self._pause_seconds = _PIECE_BYTES, 0.0
        self._ssl = ssl_context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="feed-server", daemon=True)
        self._ready, self._released = threading.Event(), asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._ssl else 'http'}://127.0.0.1:{self.port}/feed/"

    def put(self, name: str, content: bytes, *, etag: bool = True, modified: float | None = 1e9, **how: Any) -> str:
        """Serve a file; its URL. `etag` and `modified` (Unix seconds) say which validators it has."""
        token = f'"{sha1(content).hexdigest()[:16]}"' if etag else None
        date = None if modified is None else formatdate(modified, usegmt=True)
        self.files[name] = Served(content, token, date, **how)
        return self.url + quote(name)

    def append(self, name: str, content: bytes, **how: Any) -> None:
        """Let a file grow."""
        served = self.files[name]
        self.put(name, served.content + content, etag=served.etag is not None, ranges=served.ranges, **how)

    def fail(self, name: str, times: int = 1, **how: Any) -> None:
        """Have the next answers for a file fail."""
        self._faults.setdefault(name, []).append(Fault(times, **how))

    def trickle(self, piece_bytes: int | None, pause_seconds: float) -> None:
        """Send files in such pieces, with pauses; None: as fast as they are taken."""
        self._piece_bytes, self._pause_seconds = piece_bytes or _PIECE_BYTES, pause_seconds

    def heal(self) -> None:
        """No fault shows any more."""
        self._faults.clear()
        self.trickle(None, 0)

    def redirect(self, name: str, location: str) -> None:
        """Answer with 302."""
        self.files[name] = Served(b"", None, None, status=302, location=location)

    def release(self) -> None:
        """End what stalls."""
        self._loop.call_soon_threadsafe(self._released.set)

    def requests(self, name: str) -> list[Asked]:
        """The requests for a file, oldest first."""
        return [each for each in self.asked if each.path == f"/feed/{name}"]

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self.release()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._ssl)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.path, dict(request.headers)))
        if self.authorization and request.headers.get("Authorization") != self.authorization:
            return web.Response(status=401)
        name = request.path.removeprefix("/feed/")
        fault = self._fault(name)
        if fault and fault.status:
            return web.Response(status=fault.status, headers=fault.headers)
        if name == "":
            return self._listing(request)
        served = self.files.get(name)
        if served is None:
            return web.Response(status=404)
        if served.location:
            return web.Response(status=served.status, headers={"Location": served.location})
        return await self._file(request, name, served, fault)

    def _fault(self, name: str) -> Fault | None:
        pending = self._faults.get(name, [])
        if not pending:
            return None
        fault = pending[0]
        fault.times -= 1
        if fault.times <= 0:
            pending.pop(0)
        return fault

    async def _file(self, request: web.Request, name: str, served: Served, fault: Fault | None) -> web.StreamResponse:
        headers = {"Content-Type": served.content_type}
        if served.etag:
            headers["ETag"] = served.etag
        if served.last_modified:
            headers["Last-Modified"] = served.last_modified
        if served.content_encoding:
            headers["Content-Encoding"] = served.content_encoding
        if _matches(request, served):
            return web.Response(status=304, headers=headers)
        start = _range_start(request, served)
        status, body = 200, served.content
        if start is not None:
            if start >= len(served.content):
                return web.Response(status=416, headers={"Content-Range": f"bytes */{len(served.content)}"})
            status, body = 206, served.content[start:]
            headers["Content-Range"] = f"bytes {start}-{len(served.content) - 1}/{len(served.content)}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await self._send(request, response, name, body, fault)
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, name: str, body: bytes, fault: Fault | None
    ) -> None:
        cut = len(body)
        if fault and fault.break_after is not None:
            cut = min(cut, fault.break_after)
        if fault and fault.stall_after is not None:
            cut = min(cut, fault.stall_after)
        at = 0
        while at < cut:
            piece = body[at : min(cut, at + self._piece_bytes)]
            await response.write(piece)
            self.sent_bytes += len(piece)
            at += len(piece)
            if self._pause_seconds:
                await asyncio.sleep(self._pause_seconds)
        if fault and fault.then_put is not None:
            self.put(name, fault.then_put)
        if fault and fault.stall_after is not None:
            await self._released.wait()
        if cut < len(body) and request.transport is not None:
            request.transport.close()
            return
        await response.write_eof()

    def _listing(self, request: web.Request) -> web.Response:
        names = sorted(self.files)
        if self.style != "json":
            return web.Response(text=html_index(names, self.style), content_type="text/html")
        page = int(request.query.get("page", "0"))
        shown = names[page * self.page_size : (page + 1) * self.page_size]
        items = [{"name": name, "size": len(self.files[name].content), "etag": self.files[name].etag} for name in shown]
        document: dict[str, Any] = {"files": items}
        if (page + 1) * self.page_size < len(names):
            document["next"] = f"?page={page + 1}"
        return web.Response(text=json.dumps(document), content_type="application/json")


def _matches(request: web.Request, served: Served) -> bool:
    asked = request.headers.get("If-None-Match")
    if asked is not None:
        return asked == served.etag
    since = request.headers.get("If-Modified-Since")
    return since is not None and since == served.last_modified


def _range_start(request: web.Request, served: Served) -> int | None:
    asked = request.headers.get("Range")
    if asked is None or not served.ranges:
        return None
    condition = request.headers.get("If-Range")
    if condition is not None and condition not in (served.etag, served.last_modified):
        return None
    return int(asked.removeprefix("bytes=").split("-")[0])


def html_index(names: list[str], style: Style) -> str:
    """A folder's index as the server of that name writes it."""
    if style == "nginx":
        rows = "".join(f'<a href="{quote(n)}">{n}</a>          22-Nov-2026 03:22      123\n' for n in names)
        head = "<html>\n<head><title>Index of /feed/</title></head>\n<body>\n<h1>Index of /feed/</h1><hr><pre>"
        return f'{head}<a href="../">../</a>\n<a href="old/">old/</a>\n{rows}</pre><hr></body>\n</html>\n'
    if style == "apache":
        rows = "".join(
            f'<tr><td valign="top"><img src="/icons/text.gif" alt="[TXT]"></td><td><a href="{quote(n)}">{n}</a></td>'
            '<td align="right">2026-11-22 03:22  </td><td align="right">123 </td></tr>\n'
            for n in names
        )
        sorting = '<th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th>'
        parent = '<tr><td><a href="/">Parent Directory</a></td></tr><tr><td><a href="old/">old/</a></td></tr>'
        return f"<!DOCTYPE HTML><html><body><table><tr>{sorting}</tr>{parent}\n{rows}</table></body></html>"
    rows = "".join(f'<li><a href="{quote(n)}">{n}</a></li>\n' for n in names)
    head = '<!DOCTYPE HTML>\n<html lang="en">\n<body>\n<h1>Directory listing for /feed/</h1>\n<hr>\n<ul>\n'
    return f'{head}<li><a href="old/">old/</a></li>\n{rows}</ul>\n<hr>\n</body>\n</html>\n'


def basic(user: str, password: str) -> str:
    """The value of Authorization."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def gzipped(content: bytes) -> bytes:
    """The same bytes each time."""
    return gzip.compress(content, mtime=0)


@contextmanager
def feed_server(ssl_context: Any = None) -> Iterator[FeedServer]:
    """A server that runs until the block ends."""
    server = FeedServer(ssl_context)
    server.start()
    try:
        yield server
    finally:
        server.stop()
