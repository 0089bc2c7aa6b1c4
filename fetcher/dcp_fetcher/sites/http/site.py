"""Objects of an HTTP source, opened from a thread: conditions, versions, spooling, tries."""

from __future__ import annotations

import logging
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

import aiohttp

from dcp_fetcher.ground.errors import ChangedError, RefusedError, TemporaryError, UnreachableError
from dcp_fetcher.ground.patience import Backoff, Bridge, Stop
from dcp_fetcher.sites.http.body import Asking, HttpBody
from dcp_fetcher.sites.http.client import HttpClient
from dcp_fetcher.sites.http.extent import Extent, extent_of
from dcp_fetcher.sites.http.naming import Addresses, redacted
from dcp_fetcher.sites.http.validators import Validators, token_of, validators_of
from dcp_fetcher.sites.site import Opened
from dcp_fetcher.sites.versions import DIGEST
from dcp_pipeline.batch import digester
from dcp_pipeline.ledger.model import SourceObject

log = logging.getLogger(__name__)
T = TypeVar("T")
_NEXT = re.compile(r""";\s*rel\s*=\s*(?:"[^"]*\bnext\b|'[^']*\bnext\b|next\b)""", re.IGNORECASE)

_PAGES = ("X-Total-Pages", "X-WP-TotalPages", "X-Pagination-Page-Count")
_ITEMS = re.compile(r"(?!bytes )(?:[\w-]+ )?(\d{1,15})-(\d{1,15})/(\d{1,15})", re.IGNORECASE)
"""A range of records (PostgREST's, Dojo's), not of bytes."""


class SpooledBody:
    """A body that was downloaded whole, because its server gives no token by which to tell versions apart."""

    end_known = True

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.on_pause: Callable[[], None] | None = None
        self.on_bytes: Callable[[int], None] | None = None

    def read(self, most: int) -> bytes:
        data = self._file.read(most)
        if self.on_bytes is not None:
            self.on_bytes(len(data))
        return data

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
        addresses: Addresses | None = None,
    ) -> None:
        self._bridge, self._stop, self._client, self._backoff = bridge, stop, client, backoff
        self._addresses = addresses or Addresses()
        self._spool_folder, self._spool_max_bytes = spool_folder, spool_max_bytes

    def named(self, url: str) -> str:
        return self._addresses.named(url)

    def recorded(self, uri: str) -> str:
        return self._addresses.recorded(uri)

    def open(self, uri: str, latest: SourceObject | None, settled: bool) -> Opened | None:
        return self._tried(lambda: self._open(uri, latest, settled))

    def open_growing(self, uri: str, known: SourceObject | None, offset: int) -> Opened | None:
        return self._tried(lambda: self._open_growing(uri, known, offset))

    def _open(self, uri: str, latest: SourceObject | None, settled: bool) -> Opened | None:
        asking = self._asking(uri)
        conditions = conditions_of(latest) if settled else {}
        pump = asking.ask(conditions)
        answer = pump.answer
        extent = extent_of(answer.status, answer.headers)
        if answer.status == 304 or extent is None or extent.partial:
            asking.close(pump)
            if answer.status == 304 and conditions:
                return None
            raise RefusedError(f"{redacted(uri)}: HTTP {answer.status}, which was not asked for")
        validators = validators_of(answer.headers, datetime.now(UTC))
        body = HttpBody(asking, pump, extent)
        by_digest = latest if latest is not None and latest.version.startswith(DIGEST) else None
        if by_digest is not None and settled and _is_known(by_digest, validators, extent):
            body.close()
            return None
        version = token_of(validators, extent.total)
        # A date that was too young for a token may be old enough now, and what was read then is still that version.
        young = by_digest is not None and not validators.etag and by_digest.last_modified is None
        if version is None or young:
            return self._spooled(body, answer)
        return _opened(version, body, answer, 0, extent.total)

    def _open_growing(self, uri: str, known: SourceObject | None, offset: int) -> Opened | None:
        asking = self._asking(uri)
        conditions = conditions_of(known)
        pump = asking.ask(conditions | ({"Range": f"bytes={offset}-"} if offset else {}))
        answer = pump.answer
        if answer.status == 304:
            asking.close(pump)
            if not conditions:
                raise RefusedError(f"{redacted(uri)}: HTTP 304, which was not asked for")
            return None
        extent = extent_of(answer.status, answer.headers)
        if extent is None or extent.start > offset:
            asking.close(pump)
            said = f"HTTP {answer.status}, Content-Range {answer.headers.get('Content-Range', 'missing')!r}"
            if not offset:
                raise RefusedError(f"{redacted(uri)}: {said}, which was not asked for")
            raise ChangedError(f"asked for the bytes from {offset} on, the server answered {said}")
        body = HttpBody(asking, pump, extent, growing=True)
        if extent.start and not body.skip_to(offset):
            body.close()
            raise ChangedError(f"asked for the bytes from {offset} on, the server sent nothing from there")
        token = token_of(validators_of(answer.headers, datetime.now(UTC)), extent.total) or "first"
        return _opened(token, body, answer, body.offset, extent.total)

    def _asking(self, uri: str) -> Asking:
        return Asking(self._bridge, self._stop, self._client, self._backoff, self._addresses.of(uri))

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
        return _opened(f"{DIGEST}{digest.hexdigest()}", SpooledBody(file), answer, 0, size_bytes)

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
    """The headers that have a server answer 304 where it still serves the version `known`. Only what told versions
    apart when it was recorded is recorded.
    """
    if known is None:
        return {}
    if known.etag and not known.etag.startswith("W/"):
        return {"If-None-Match": known.etag}
    return {"If-Modified-Since": known.last_modified} if known.last_modified else {}


def next_said(headers: Mapping[str, str]) -> str | None:
    """Where an answer's head says that more follows in another one."""
    if _NEXT.search(headers.get("Link", "")):
        return "its Link header names a next page"
    if headers.get("X-Next-Page", "").strip():
        return "its X-Next-Page header names a next page"
    for name in _PAGES:
        pages = headers.get(name, "").strip()
        if pages.isascii() and pages.isdigit() and int(pages) > 1:
            return f"its {name} header counts {int(pages)} pages"
    found = _ITEMS.fullmatch(headers.get("Content-Range", "").strip())
    if found and (held := int(found[2]) - int(found[1]) + 1) < (total := int(found[3])):
        return f"its Content-Range header counts {total} records, of which it is {held}"
    return None


def _is_known(latest: SourceObject, validators: Validators, extent: Extent) -> bool:
    """Is it still the version whose digest was taken, by what has become old enough to tell?"""
    strong = validators.etag or validators.date
    return strong is not None and strong == (latest.etag or latest.last_modified) and extent.total == latest.size_bytes


def _opened(
    version: str, stream: HttpBody | SpooledBody, answer: aiohttp.ClientResponse, offset: int, size_bytes: int | None
) -> Opened:
    validators = validators_of(answer.headers, datetime.now(UTC))
    return Opened(
        version=version,
        stream=stream,
        offset=offset,
        etag=validators.etag,
        last_modified=validators.date,
        size_bytes=size_bytes,
        content_encoding=answer.headers.get("Content-Encoding", ""),
        content_type=answer.content_type if "Content-Type" in answer.headers else "",
        more=next_said(answer.headers),
        age_seconds=age_seconds(answer.headers),
    )


def age_seconds(headers: Mapping[str, str]) -> float | None:
    """How long ago it was changed, by the server's own clock; None where it does not say both."""
    try:
        now, changed = (parsedate_to_datetime(headers[name]) for name in ("Date", "Last-Modified"))
        return (now - changed).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
