"""Objects of an HTTP source, opened from a thread: conditions, versions, spooling, tries."""

from __future__ import annotations

import logging
import random
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

import aiohttp

from dcp_fetcher.ground.errors import ChangedError, RefusedError, TemporaryError, UnreachableError
from dcp_fetcher.ground.patience import Backoff, Bridge, Stop
from dcp_fetcher.sites.http.body import HttpBody, Pump, ask, starts_at
from dcp_fetcher.sites.http.client import HttpClient, redacted
from dcp_fetcher.sites.site import Opened
from dcp_fetcher.sites.versions import http_version
from dcp_pipeline.batch import digester
from dcp_pipeline.ledger.model import SourceObject

log = logging.getLogger(__name__)
T = TypeVar("T")


class SpooledBody:
    """A body that was downloaded whole, because its server gives no token by which to tell versions apart."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.on_pause: Callable[[], None] | None = None
        self.on_bytes: Callable[[int], None] | None = None

    def read(self, most: int) -> bytes:
        return self._file.read(most)

    def seek(self, offset: int) -> bool:
        self._file.seek(offset)
        return True

    def check_unchanged(self) -> None:
        """Nothing else can have changed it."""

    def close(self) -> None:
        self._file.close()


class HttpSite:
    """Opens objects by URL. Each request is tried as often as `backoff` says, Retry-After honoured."""

    def __init__(
        self,
        bridge: Bridge,
        stop: Stop,
        client: HttpClient,
        backoff: Backoff,
        spool_folder: Path | None,
        spool_max_bytes: int,
    ) -> None:
        self._bridge, self._stop, self._client, self._backoff = bridge, stop, client, backoff
        self._spool_folder, self._spool_max_bytes = spool_folder, spool_max_bytes

    def open(self, uri: str, known: SourceObject | None) -> Opened | None:
        return self._tried(lambda: self._open(uri, known))

    def open_growing(self, uri: str, known: SourceObject | None, offset: int) -> Opened | None:
        return self._tried(lambda: self._open_growing(uri, known, offset))

    def _open(self, uri: str, known: SourceObject | None) -> Opened | None:
        pump = self._bridge.call(ask(self._client, uri, conditions_of(known)))
        answer = pump.answer
        if answer.status == 304:
            self._bridge.close(pump.close)
            return None
        if answer.status != 200:
            self._bridge.close(pump.close)
            raise RefusedError(f"{redacted(uri)}: HTTP {answer.status}, which was not asked for")
        body = self._body(uri, pump)
        size_bytes = answer.content_length
        version = http_version(answer.headers, size_bytes)
        if version is not None:
            return _opened(version, body, answer, 0, size_bytes)
        return self._spooled(body, answer)

    def _open_growing(self, uri: str, known: SourceObject | None, offset: int) -> Opened | None:
        headers = conditions_of(known)
        if offset:
            headers["Range"] = f"bytes={offset}-"
        pump = self._bridge.call(ask(self._client, uri, headers))
        answer = pump.answer
        if answer.status == 304:
            self._bridge.close(pump.close)
            return None
        if answer.status == 416:
            self._bridge.close(pump.close)
            raise ChangedError("the file is shorter than what was read of it")
        body = self._body(uri, pump)
        starts = starts_at(answer.headers) if answer.status == 206 else 0
        if starts not in (0, offset) or (starts and answer.headers.get("Content-Encoding")):
            body.close()
            raise TemporaryError(f"{redacted(uri)}: a range was asked for from byte {offset}, it came from {starts}")
        body.offset = starts or 0
        size_bytes = total_bytes(answer)
        token = http_version(answer.headers, size_bytes) or "first"
        return _opened(token, body, answer, body.offset, size_bytes)

    def _body(self, uri: str, pump: Pump) -> HttpBody:
        return HttpBody(self._bridge, self._stop, self._client, self._backoff, uri, pump)

    def _spooled(self, body: HttpBody, answer: aiohttp.ClientResponse) -> Opened:
        """Downloaded to a file without a name, with its digest as version."""
        # Closed by the reader, or here where the download fails.
        file = tempfile.TemporaryFile(prefix="dcp-spool-", dir=self._spool_folder)  # noqa: SIM115
        digest, size_bytes = digester(), 0
        try:
            while data := body.read(1 << 18):
                size_bytes += len(data)
                if size_bytes > self._spool_max_bytes:
                    raise RefusedError(
                        f"without ETag and Last-Modified it has to be kept on disk to be told from other versions, and "
                        f"it has more than the {self._spool_max_bytes} bytes allowed for that"
                    )
                digest.update(data)
                file.write(data)
            file.seek(0)
        except OSError as error:
            file.close()
            free = shutil.disk_usage(self._spool_folder or tempfile.gettempdir()).free
            raise TemporaryError(f"cannot keep the download on disk ({free} bytes free): {error.strerror}") from error
        except BaseException:
            file.close()
            raise
        finally:
            body.close()
        return _opened(f"digest:{digest.hexdigest()}", SpooledBody(file), answer, 0, size_bytes)

    def _tried(self, call: Callable[[], T]) -> T:
        failures = 0
        while True:
            try:
                return call()
            except TemporaryError as error:
                failures += 1
                if failures >= self._backoff.attempts:
                    raise UnreachableError(f"{error} (tried {failures} times)") from error
                pause_seconds = self._backoff.pause_seconds(failures, error.retry_after_seconds, random.random())  # noqa: S311
                log.info("attempt %d failed, next in %.1f s: %s", failures, pause_seconds, error)
                self._stop.wait(pause_seconds)


def conditions_of(known: SourceObject | None) -> dict[str, str]:
    """The headers that have a server answer 304 where it still serves the version `known`."""
    if known is None:
        return {}
    if known.etag:
        return {"If-None-Match": known.etag}
    return {"If-Modified-Since": known.last_modified} if known.last_modified else {}


def total_bytes(answer: aiohttp.ClientResponse) -> int | None:
    """The size of the whole, of which a part may have been sent."""
    if answer.status != 206:
        return answer.content_length
    found = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _opened(
    version: str, stream: HttpBody | SpooledBody, answer: aiohttp.ClientResponse, offset: int, size_bytes: int | None
) -> Opened:
    return Opened(
        version=version,
        stream=stream,
        offset=offset,
        etag=_text(answer.headers.get("ETag")),
        last_modified=_text(answer.headers.get("Last-Modified")),
        size_bytes=size_bytes,
        content_encoding=answer.headers.get("Content-Encoding", ""),
        content_type=answer.content_type if "Content-Type" in answer.headers else "",
    )


def _text(value: str | None) -> str | None:
    """A header that a database can store, whatever bytes the server put in it."""
    return None if value is None else value.encode("utf-8", "replace").decode()
