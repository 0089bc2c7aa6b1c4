"""Servers that take what is told: mail by SMTP, POSTs by HTTP; and one that never answers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword


@dataclass
class Mailbox:
    """What a mail server took."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    @property
    def letters(self) -> list[EmailMessage]:
        """As they would be read."""
        return [
            cast("EmailMessage", message_from_bytes(cast("bytes", each.content), policy=policy.default))
            for each in self.envelopes
        ]

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 OK"


@contextmanager
def mail_server(password: str | None = None) -> Iterator[Mailbox]:
    """On a free port of loopback; with a password it asks for one."""
    box = Mailbox()

    def allowed(_: Any, __: Any, ___: Any, ____: Any, data: LoginPassword) -> AuthResult:
        box.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password.decode() == password, handled=False)

    needs = {"authenticator": allowed, "auth_required": True, "auth_require_tls": False} if password else {}
    controller = Controller(box, hostname="127.0.0.1", port=_free_port(), ready_timeout=60, **needs)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Posts:
    """What an HTTP server was sent."""

    url: str = ""
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status: int = 200
    location: str = ""
    """Where it sends whoever asks."""
    answers_bytes: int = 0
    answered_bytes: int = 0


@contextmanager
def post_server() -> Iterator[Posts]:
    """On a free port of loopback."""
    posts = Posts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.taken.append((self.path, json.loads(body)))
            self.send_response(posts.status)
            if posts.location:
                self.send_header("Location", posts.location)
            self.end_headers()
            with suppress(OSError):
                while posts.answered_bytes < posts.answers_bytes:
                    self.wfile.write(bytes(1 << 20))
                    posts.answered_bytes += 1 << 20

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    posts.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield posts
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections, and says nothing; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@dataclass
class Talker:
    """What answers each request with the same bytes."""

    port: int
    asked: list[bytes] = field(default_factory=list)
    """The head of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def talking(answer: bytes) -> Iterator[Talker]:
    """On a free port of loopback; it reads a request's head, says its bytes and hangs up."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            head = b"".join(iter(lambda: self.rfile.readline().rstrip(b"\r\n"), b""))
            talker.asked.append(head)
            with suppress(OSError):
                self.wfile.write(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        talker = Talker(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield talker
        finally:
            server.shutdown()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
