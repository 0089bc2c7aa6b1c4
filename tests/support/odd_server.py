"""An HTTP server on loopback that sends what a test gives it, byte for byte, and then ends the connection.

with odd_server(answer) as server:      # answer: Ask -> bytes of a whole response, head and body; or pieces of it
    ... server.url, server.asks
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate


@dataclass(frozen=True)
class Ask:
    """A request that came. Names of headers are in lower case."""

    path: str
    headers: dict[str, str]

    @property
    def start(self) -> int | None:
        """Where the range begins that is asked for."""
        asked = self.headers.get("range")
        return int(asked.removeprefix("bytes=").split("-")[0]) if asked else None


@dataclass
class OddServer:
    """Where it is, and what it was asked."""

    url: str
    asks: list[Ask] = field(default_factory=list)


def answer(status: int, body: bytes = b"", length: bool = True, **headers: str) -> bytes:
    """A response; `length=False` leaves only the connection's end to show its end. `_` in names becomes `-`."""
    lines = [f"HTTP/1.1 {status} Whatever", "Connection: close"]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def part(whole: bytes, start: int, end: int | None = None, total: str | None = None, **headers: str) -> bytes:
    """A 206 with the bytes from `start` to `end`."""
    end = len(whole) if end is None else min(end, len(whole))
    shown = f"bytes {start}-{end - 1}/{len(whole) if total is None else total}"
    return answer(206, whole[start:end], Content_Range=shown, **headers)


def date(unix_seconds: float) -> str:
    """A moment as HTTP writes it."""
    return formatdate(unix_seconds, usegmt=True)


@contextmanager
def odd_server(respond: Callable[[Ask], bytes | Iterator[bytes]]) -> Iterator[OddServer]:
    """A server that runs until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().decode("latin-1").split(" ")[1]
            headers = {}
            while line := self.rfile.readline().decode("latin-1").strip():
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            ask = Ask(path, headers)
            found.asks.append(ask)
            given = respond(ask)
            with suppress(OSError):  # who asked has gone
                for piece in [given] if isinstance(given, bytes) else given:
                    self.wfile.write(piece)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        found = OddServer(f"http://127.0.0.1:{server.server_address[1]}/feed/")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join(10)
