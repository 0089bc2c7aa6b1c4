"""The port on which a process answers /healthz, /readyz and /metrics, from one thread however many ask.

Whoever reaches the port learns which check fails, and no more: what is wrong, with hosts and users, stands in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

log = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""None when all is well, else what is wrong."""
Page = Callable[[], tuple[int, str, bytes]]

REQUEST_SECONDS = 5.0
"""Within which a request has to be there, and its answer to be taken."""
MAX_CONNECTIONS = 128
"""More than these push out the oldest: half of a request keeps no probe out."""
_LONGEST_REQUEST_BYTES = 8192
_PHRASES = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


ANYWHERE = "::"
"""All addresses of this machine, of both families."""


def _listening(host: str, port: int) -> socket.socket:
    """`::` is IPv4 too, and IPv4 alone where the kernel knows no IPv6."""
    if host == ANYWHERE:
        with contextlib.suppress(OSError):
            if socket.has_dualstack_ipv6():
                return socket.create_server(
                    (host, port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=MAX_CONNECTIONS
                )
        host = "0.0.0.0"  # noqa: S104
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)


class HealthServer:
    """Serves the checks and the metrics. `port` 0 takes a free one; it is then in `.port`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        alive: Mapping[str, Check],
        ready: Mapping[str, Check],
        registry: CollectorRegistry,
        metrics: Callable[[], bytes] | None = None,
    ) -> None:
        """`metrics`: what makes the text, where it is not the registry."""
        text = metrics or (lambda: generate_latest(registry))
        self._told: dict[str, str] = {}
        self._pages: Mapping[str, Page] = {
            "/healthz": lambda: self._answer(alive),
            "/readyz": lambda: self._answer({**alive, **ready}),
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, text()),
        }
        self._open: dict[asyncio.StreamWriter, None] = {}
        # Bound here: a port that is taken is told to whoever builds us. Served by a loop of the thread's own, because
        # whoever builds us may be inside one.
        self._socket = _listening(host, port)
        self._loop = asyncio.new_event_loop()
        self._metrics_turn = asyncio.Lock()
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        self._thread.start()
        self._serving.wait(REQUEST_SECONDS)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(REQUEST_SECONDS)
        self._socket.close()

    def _run(self) -> None:
        serving = asyncio.start_server(self._serve, sock=self._socket, limit=_LONGEST_REQUEST_BYTES)
        server = self._loop.run_until_complete(serving)
        self._serving.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for each in asyncio.all_tasks(self._loop):
                each.cancel()
            with contextlib.suppress(RuntimeError):
                self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        if len(self._open) > MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            # Now: it hears of its end later, and of several that come at once each has to push out another one.
            self._open.pop(oldest)
            oldest.transport.abort()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            # Metrics ask Redis, which may keep us waiting: one at a time, beside the loop that answers the probes.
            writer.write(await self._respond(head))
            async with asyncio.timeout(REQUEST_SECONDS):
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open.pop(writer, None)
            writer.close()

    async def _respond(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        page = self._pages.get(path)
        if method not in (b"GET", b"HEAD"):
            status, content_type, body = 405, "text/plain", b"GET only\n"
        elif page is None:
            status, content_type, body = 404, "text/plain", b"see /healthz /readyz /metrics\n"
        elif path == "/metrics":
            async with self._metrics_turn:
                status, content_type, body = await asyncio.to_thread(page)
        else:
            status, content_type, body = page()
        headers = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return headers.encode() + (b"" if method == b"HEAD" else body)

    def _answer(self, checks: Mapping[str, Check]) -> tuple[int, str, bytes]:
        wrong = {name: said for name, check in checks.items() if (said := check()) is not None}
        for name in checks:
            self._tell(name, wrong.get(name))
        body = {
            "status": "unavailable" if wrong else "ok",
            "checks": {name: "failed, see the log" if name in wrong else "ok" for name in checks},
        }
        return (503 if wrong else 200), "application/json", json.dumps(body).encode() + b"\n"

    def _tell(self, check: str, wrong: str | None) -> None:
        """In the log, once when it begins and once when it ends."""
        before = self._told.pop(check, None)
        if wrong is not None:
            self._told[check] = wrong
            if before is None:
                log.warning("not well: %s: %s", check, wrong)
        elif before is not None:
            log.info("well again: %s", check)
