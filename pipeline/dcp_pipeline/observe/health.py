"""The port on which a process answers /healthz, /readyz and /metrics, in a thread of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Check = Callable[[], str | None]
"""None when all is well, else what is wrong."""


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
    ) -> None:
        pages = {
            "/healthz": lambda: _answer(alive),
            "/readyz": lambda: _answer({**alive, **ready}),
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(registry)),
        }
        self._server = ThreadingHTTPServer((host, port), _handler(pages))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


Page = Callable[[], tuple[int, str, bytes]]


def _answer(checks: Mapping[str, Check]) -> tuple[int, str, bytes]:
    wrong = {name: said for name, check in checks.items() if (said := check()) is not None}
    body = {
        "status": "unavailable" if wrong else "ok",
        "checks": {name: wrong.get(name, "ok") for name in checks},
    }
    return (503 if wrong else 200), "application/json", json.dumps(body).encode() + b"\n"


def _handler(pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.split("?")[0])
            status, content_type, body = page() if page else (404, "text/plain", b"see /healthz /readyz /metrics\n")
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Probes come every few seconds; they are not worth a line each."""

    return Handler
