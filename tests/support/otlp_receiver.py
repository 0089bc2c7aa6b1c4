"""A receiver of OTLP over HTTP that decodes the real protobuf. `make traces` does the same with a real collector."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """As it came. Ids in hex; `parent` empty: a root. Times in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    problem: str | None
    attributes: dict[str, Any] = field(compare=False)


@dataclass
class Receiver:
    """What came."""

    url: str
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)
    """While it is set no request is answered."""
    asked: int = 0

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(_values(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        each.name, each.trace_id.hex(), each.span_id.hex(), each.parent_span_id.hex(),
                        each.start_time_unix_nano, each.end_time_unix_nano,
                        each.status.message if each.status.code == 2 else None, _values(each.attributes),
                    )
                    for each in scope.spans
                ]  # fmt: skip


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    """On a free port of loopback."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.asked += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            while receiver.hangs.is_set() and not ended.wait(0.05):
                pass
            if self.path == "/v1/traces" and not receiver.hangs.is_set():
                receiver.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
