"""An MMDB database behind a URL: kept in a folder, asked for again when it is due."""

from __future__ import annotations

import email.utils
import gzip
import hashlib
import http.client
import logging
import os
import re
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import unquote_plus

import maxminddb

from dcp_pipeline.files.durable import put_in_place
from dcp_pipeline.secrets import hidden
from dcp_worker.enrich.errors import EnrichmentError

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 60.0
_RETRY_SECONDS = 300.0
_FAILURES = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    http.client.HTTPException,
    maxminddb.InvalidDatabaseError,
)
_PATIENCE_SECONDS = 2.0
"""How long a batch waits for a newer database, while it could go on with the one before."""
_FIRST_SECONDS = 120.0
_LONGEST_SECONDS = 1800.0
_PIECE_BYTES = 256 * 1024
LONGEST_BYTES = 2 << 30
LEAST_CAP_BYTES = 64 << 20
MAX_RATIO = 20
"""Of what is unpacked to what came: databases shrink to a half, an attack to a thousandth."""
_GZIP_MAGIC = b"\x1f\x8b"


class DownloadedDatabase:
    """The file of a URL. Thread-safe: while one thread downloads, the others go on with what is there."""

    def __init__(self, url: str, folder: Path, refresh_seconds: float, setting: str) -> None:
        """Fetch it, unless a fresh one is in the folder.

        Raises EnrichmentError where there is neither an answer nor a whole file from before.
        """
        self._url, self._refresh_seconds, self._setting = url, refresh_seconds, setting
        self._told, self._secrets = _told(url)
        self.path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.mmdb"
        self._lock = threading.Lock()
        self._error = f"no whole answer within {_FIRST_SECONDS:.0f} s"
        self._kept = _opens(self.path)
        self._due = self._first_due()
        self.refresh()
        if not self._kept:
            raise EnrichmentError(setting, f"{self._told} could not be downloaded: {self._error}")

    def _first_due(self) -> float:
        age = time.time() - self.path.stat().st_mtime if self._kept else self._refresh_seconds
        return time.monotonic() + self._refresh_seconds - age

    def refresh(self) -> None:
        """Ask for a newer one when that is due. A failure is logged; what is there stays in use."""
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return
        fetching = threading.Thread(target=self._refreshed, name="geolocation download", daemon=True)
        fetching.start()
        fetching.join(_PATIENCE_SECONDS if self._kept else _FIRST_SECONDS)

    def _refreshed(self) -> None:
        """Holds the lock. In a thread of its own: a slow server keeps no batch waiting while there is a database."""
        try:
            self._fetch()
            self._due = time.monotonic() + self._refresh_seconds
        except _FAILURES as error:
            self._error = hidden(str(error), self._secrets)
            self._due = time.monotonic() + min(_RETRY_SECONDS, self._refresh_seconds)
            log.warning(
                "geolocation database could not be downloaded",
                extra={"url": self._told, "setting": self._setting, "error": self._error},
            )
        finally:
            self._lock.release()

    def _fetch(self) -> None:
        request = urllib.request.Request(self._url)  # noqa: S310 (the spec allows http and https only)
        if self._kept:
            request.add_header("If-Modified-Since", email.utils.formatdate(self.path.stat().st_mtime, usegmt=True))
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                self._keep(answer)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_MODIFIED:
                raise
            os.utime(self.path)

    def _keep(self, answer: IO[bytes]) -> None:
        """Into place by a rename, once it has opened as an MMDB file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path.parent) as scratch:
            received, database = Path(scratch) / "received", Path(scratch) / "database"
            until = time.monotonic() + _LONGEST_SECONDS
            with received.open("wb") as file:
                _copy(answer, file, LONGEST_BYTES, until)
            packed_bytes = received.stat().st_size
            with received.open("rb") as packed:
                is_gzip = packed.read(2) == _GZIP_MAGIC
            with gzip.open(received) if is_gzip else received.open("rb") as source, database.open("wb") as target:
                most = max(LEAST_CAP_BYTES, MAX_RATIO * packed_bytes) if is_gzip else LONGEST_BYTES
                _copy(source, target, min(most, LONGEST_BYTES), until)
            maxminddb.open_database(database).close()
            put_in_place(database, self.path)
            self._kept = True


def _told(url: str) -> tuple[str, frozenset[str]]:
    """A URL for messages, and what they may not hold: its query is where the key of a licence stands, and a server may
    repeat it."""
    address, _, query = url.partition("?")
    values = [value for pair in re.split("[&;]", query) for value in (pair, pair.partition("=")[2])]
    return address, frozenset({query, *values, *map(unquote_plus, values)} - {""})


def _copy(source: IO[bytes] | gzip.GzipFile, target: IO[bytes], most_bytes: int, until: float) -> None:
    """Raises ValueError where there is more, or it takes longer. `until` is of time.monotonic()."""
    copied = 0
    while piece := source.read(_PIECE_BYTES):
        copied += len(piece)
        if copied > most_bytes:
            raise ValueError(f"it has more than {most_bytes} bytes, the most that is kept of such a download")
        if time.monotonic() > until:
            raise ValueError(f"it took longer than {_LONGEST_SECONDS:.0f} s")
        target.write(piece)


def _opens(path: Path) -> bool:
    """Whether a whole database lies there: what a full disk or somebody's hand left of one is as none."""
    try:
        maxminddb.open_database(path).close()
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        return False
    return True
