"""The feed that all contestants read, and the HTTP server that notes the moment of the first fetch."""

from __future__ import annotations

import functools
import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support import botnet_feed
from support.botnet_feed import Mix, write_feed

MIX = Mix(quoted=0.0)
"""5 % duplicates, 2 % invalid, and nothing quoted: a line is a record, so that peers may split at line ends."""
FILES = 4
BLOCK_RECORDS = 1_000_000
"""Larger feeds are blocks of about this size that differ in their month, and so in every record's identity."""
_MONTHS = [f"{year}-{month:02d}-" for year in range(2026, 1999, -1) for month in (10, 8, 7, 5, 3, 1)]


def feed_folder(cache: Path, records: int) -> Path:
    """A folder with a feed of so many records, made at most once for each version of the generator."""
    version = hashlib.sha256(Path(botnet_feed.__file__).read_bytes()).hexdigest()[:8]
    folder = cache / f"feed-{records}-{version}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=cache, prefix="making-"))
        try:
            _write(making, records)
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


def _write(folder: Path, records: int) -> None:
    blocks = -(-records // BLOCK_RECORDS)
    files = write_feed(folder, records // blocks, FILES, 1, MIX, compress_every=0)
    for month in _MONTHS[1:blocks]:
        for each in files:
            copy = folder / each.name.replace(_MONTHS[0], month)
            copy.write_bytes(each.read_bytes().replace(_MONTHS[0].encode(), month.encode()))


class Feed:
    """A folder over HTTP. `on_first_fetch` is called, from the server's thread, when it is first asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.on_first_fetch: Callable[[], None] = lambda: None
        self.first_fetch: float | None = None
        """time.monotonic() of it."""
        self._lock = threading.Lock()

    def asked(self) -> None:
        with self._lock:
            if self.first_fetch is None:
                self.first_fetch = time.monotonic()
                self.on_first_fetch()


class _Handler(SimpleHTTPRequestHandler):
    feed: Feed

    def __init__(self, *arguments: object, feed: Feed, **options: object) -> None:
        self.feed = feed
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.feed.asked()
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def serving(folder: Path) -> Iterator[Feed]:
    """The folder on a free port of loopback; its listing is at the feed's URL."""
    feed = Feed("")
    handler = functools.partial(_Handler, directory=str(folder), feed=feed)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    feed.url = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield feed
    finally:
        server.shutdown()
        server.server_close()
