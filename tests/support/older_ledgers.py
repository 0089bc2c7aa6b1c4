"""Sinks as older releases left them (ledgers/README.md), and the feed that they were filled from."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.databases import Database
from support.waiting import wait_until

FOLDER = Path(__file__).parent / "ledgers"
VERSIONS = sorted(each.name for each in FOLDER.iterdir() if each.is_dir())
PIPELINE = "ledgers/old"
TABLE = "clean"
_HOST, _PORT = "127.86.77.1", 8086
"""Of loopback, and nobody else's: the objects' ids are made of this address."""


def load(version: str, database: Database) -> None:
    """Put the sink as that release left it into an empty database."""
    if database.server is None:
        assert database.engine.url.database
        connection = sqlite3.connect(database.engine.url.database)
        connection.executescript((FOLDER / version / "sqlite.sql").read_text())
        connection.close()
        return
    with database.server.admin(database.engine.url.database) as driver, driver.cursor() as cursor:
        for statement in (FOLDER / version / "mariadb.sql").read_text().split(";\n"):
            if statement.strip() and not statement.lstrip().startswith("/*"):
                cursor.execute(statement)


@contextmanager
def feed_of(version: str) -> Iterator[Path]:
    """Serve what that sink was filled from; the spec that names it, without queue and sink."""
    folder = FOLDER / version
    names = sorted(each.name for each in (folder / "feed").iterdir() if each.name != "task.csv")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            return

        def do_GET(self) -> None:
            name = self.path.removeprefix("/feed/")
            if not name:
                self._answer("".join(f'<a href="{each}">{each}</a>\n' for each in names).encode(), "text/html")
            elif (folder / "feed" / name).is_file():
                content = (folder / "feed" / name).read_bytes()
                self._answer(content, "application/octet-stream", sha1(content).hexdigest()[:16])
            else:
                self.send_error(404)

        def _answer(self, body: bytes, kind: str, etag: str | None = None) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if etag:
                self.send_header("ETag", f'"{etag}"')
            self.end_headers()
            self.wfile.write(body)

    servers: list[ThreadingHTTPServer] = []
    wait_until(lambda: servers or servers.extend(_listening(Handler)), f"{_HOST}:{_PORT} is free", 300)
    server = servers[0]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield folder / "spec.yaml"
    finally:
        server.shutdown()
        server.server_close()


def _listening(handler: type[BaseHTTPRequestHandler]) -> list[ThreadingHTTPServer]:
    try:
        return [ThreadingHTTPServer((_HOST, _PORT), handler)]
    except OSError:  # another session of tests on this machine has it for now
        return []
