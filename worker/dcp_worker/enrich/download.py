"""An MMDB database behind a URL: kept in a folder, asked for again when it is due."""

from __future__ import annotations

import email.utils
import gzip
import hashlib
import http.client
import logging
import os
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib
from http import HTTPStatus
from pathlib import Path
from typing import IO

import maxminddb

from dcp_pipeline.files.durable import put_in_place
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
_GZIP_MAGIC = b"\x1f\x8b"


class DownloadedDatabase:
    """The file of a URL. Thread-safe: while one thread downloads, the others go on with what is there."""

    def __init__(self, url: str, folder: Path, refresh_seconds: float, setting: str) -> None:
        """Fetch it, unless a fresh one is in the folder.

        Raises EnrichmentError where there is neither an answer nor a whole file from before.
        """
        self._url, self._refresh_seconds, self._setting = url, refresh_seconds, setting
        self.path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.mmdb"
        self._lock = threading.Lock()
        self._error = ""
        self._kept = _opens(self.path)
        self._due = self._first_due()
        self.refresh()
        if not self._kept:
            raise EnrichmentError(setting, f"{url} could not be downloaded: {self._error}")

    def _first_due(self) -> float:
        age = time.time() - self.path.stat().st_mtime if self._kept else self._refresh_seconds
        return time.monotonic() + self._refresh_seconds - age

    def refresh(self) -> None:
        """Ask for a newer one when that is due. A failure is logged; what is there stays in use."""
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return
        try:
            self._fetch()
            self._due = time.monotonic() + self._refresh_seconds
        except _FAILURES as error:
            self._error = str(error)
            self._due = time.monotonic() + min(_RETRY_SECONDS, self._refresh_seconds)
            log.warning(
                "geolocation database could not be downloaded",
                extra={"url": self._url, "setting": self._setting, "error": self._error},
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
            with received.open("wb") as file:
                shutil.copyfileobj(answer, file)
            with received.open("rb") as packed:
                is_gzip = packed.read(2) == _GZIP_MAGIC
            with gzip.open(received) if is_gzip else received.open("rb") as source, database.open("wb") as target:
                shutil.copyfileobj(source, target)
            maxminddb.open_database(database).close()
            put_in_place(database, self.path)
            self._kept = True


def _opens(path: Path) -> bool:
    """Whether a whole database lies there: what a full disk or somebody's hand left of one is as none."""
    try:
        maxminddb.open_database(path).close()
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        return False
    return True
