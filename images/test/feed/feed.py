"""A feed for tests: HTTP over one folder, as a log server does it, and PUT and DELETE for the test to fill it.

Listings are HTML indexes; files have ETag and Last-Modified, answer If-None-Match, If-Range and one Range.
"""

from __future__ import annotations

import email.utils
import html
import os
import re
import sys
import urllib.parse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

PORT = 8000
CHUNK_BYTES = 1 << 18


class Feed(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: Path

    def do_GET(self) -> None:
        path = self._path()
        if path is None or not path.exists():
            self._answer(HTTPStatus.NOT_FOUND)
        elif path.is_dir():
            self._answer(HTTPStatus.OK, _index(path), {"Content-Type": "text/html; charset=utf-8"})
        else:
            with path.open("rb") as file:
                self._send_file(file)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        path = self._path()
        if path is None or path.is_dir():
            return self._answer(HTTPStatus.BAD_REQUEST)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.fresh")
        left = int(self.headers["Content-Length"])
        with fresh.open("wb") as file:
            while left > 0 and (chunk := self.rfile.read(min(left, CHUNK_BYTES))):
                file.write(chunk)
                left -= len(chunk)
        fresh.replace(path)  # a reader sees the old file or the new one
        return self._answer(HTTPStatus.CREATED)

    def do_DELETE(self) -> None:
        path = self._path()
        if path is None or not path.is_file():
            return self._answer(HTTPStatus.NOT_FOUND)
        path.unlink()
        return self._answer(HTTPStatus.NO_CONTENT)

    def _path(self) -> Path | None:
        """The file that is asked for; none outside the folder."""
        name = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/")
        path = (self.root / name).resolve()
        return path if path.is_relative_to(self.root.resolve()) else None

    def _send_file(self, file: BinaryIO) -> None:
        stat = os.fstat(file.fileno())
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        headers = {
            "ETag": etag,
            "Last-Modified": email.utils.formatdate(stat.st_mtime, usegmt=True),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if self.headers.get("If-None-Match") == etag:
            return self._answer(HTTPStatus.NOT_MODIFIED, None, headers)
        wanted = self.headers.get("Range", "")
        if self.headers.get("If-Range", etag) != etag:
            wanted = ""
        ranged = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        start, end = 0, stat.st_size
        if ranged is not None:
            start, end = int(ranged[1]), min(int(ranged[2] or end - 1) + 1, end)
            if start >= stat.st_size:
                headers["Content-Range"] = f"bytes */{stat.st_size}"
                return self._answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", headers)
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{stat.st_size}"
        self._begin(HTTPStatus.PARTIAL_CONTENT if ranged else HTTPStatus.OK, headers, end - start)
        if self.command == "HEAD":
            return None
        file.seek(start)
        left = end - start
        while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
            self.wfile.write(chunk)
            left -= len(chunk)
        return None

    def _answer(self, status: HTTPStatus, body: bytes | None = b"", headers: dict[str, str] | None = None) -> None:
        self._begin(status, headers or {}, None if body is None else len(body))
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: HTTPStatus, headers: dict[str, str], length: int | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None and status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(length))
        self.end_headers()


def _index(folder: Path) -> bytes:
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    links = "".join(
        f'<li><a href="{urllib.parse.quote(name)}">{html.escape(name)}</a></li>\n'
        for name in names
        if not name.startswith(".")
    )
    return f"<!DOCTYPE html>\n<title>Index</title>\n<ul>\n{links}</ul>\n".encode()


if __name__ == "__main__":
    Feed.root = Path(sys.argv[1])
    ThreadingHTTPServer(("0.0.0.0", PORT), Feed).serve_forever()  # noqa: S104 - inside a pod
