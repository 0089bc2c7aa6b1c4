"""The body of an answer, read from a thread; where the connection breaks, the rest is asked for by Range."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Mapping

import aiohttp

from dcp_fetcher.errors import TemporaryError
from dcp_fetcher.http_client import HttpClient, network_error, redacted
from dcp_fetcher.patience import Backoff, Bridge, Stop

log = logging.getLogger(__name__)

WANTED_BYTES = 256 * 1024


class HttpBody:
    """Reads one version of one URL. Raises TemporaryError where it breaks and cannot be resumed here, Stopped."""

    def __init__(
        self, bridge: Bridge, stop: Stop, client: HttpClient, backoff: Backoff, url: str, answer: aiohttp.ClientResponse
    ) -> None:
        self._bridge, self._stop, self._client, self._backoff, self._url = bridge, stop, client, backoff, url
        self._answer = answer
        self._validator = strong_validator(answer.headers)
        self.offset = 0
        """Of the next byte, in what the server sends."""
        self._failures = 0
        self.on_pause: Callable[[], None] | None = None
        """Called when the next bytes keep us waiting."""
        self.on_bytes: Callable[[int], None] | None = None

    def read(self, most: int) -> bytes:
        while True:
            try:
                data = self._bridge.call(self._some(min(most, WANTED_BYTES)), self.on_pause)
            except TemporaryError as error:
                self._resume(error)
                continue
            self.offset += len(data)
            self._failures = 0 if data else self._failures
            if self.on_bytes is not None:
                self.on_bytes(len(data))
            return data

    def seek(self, offset: int) -> bool:
        """Go on at `offset`, if the server can; False: nothing has changed, read on from here."""
        if offset == self.offset:
            return True
        answer = self._bridge.call(self._range(offset))
        if answer is None:
            return False
        self._close(self._answer)
        self._answer, self.offset = answer, offset
        return True

    def check_unchanged(self) -> None:
        """The server said so with every answer."""

    def close(self) -> None:
        self._close(self._answer)

    async def _some(self, most: int) -> bytes:
        """What is there, after waiting for at least something; none at the end."""
        content = self._answer.content
        try:
            data = await content.read(most)
            while data and len(data) < most and (more := content.read_nowait(most - len(data))):
                data += more
        except aiohttp.ClientError as error:
            raise network_error(error, self._url) from error
        except (TimeoutError, OSError) as error:
            raise network_error(error, self._url) from error
        return data

    def _resume(self, error: TemporaryError) -> None:
        """Ask for the rest. Raises the error when that does not help, or was tried often enough."""
        self._failures += 1
        if self._validator is None or self._failures >= self._backoff.attempts:
            raise error
        log.info("download broke after %d bytes, resuming: %s", self.offset, error)
        self._stop.wait(self._backoff.pause_seconds(self._failures, error.retry_after_seconds, random.random()))  # noqa: S311
        try:
            answer = self._bridge.call(self._range(self.offset))
        except TemporaryError as again:
            return self._resume(again)
        if answer is None:
            raise error
        self._close(self._answer)
        self._answer = answer

    async def _range(self, offset: int) -> aiohttp.ClientResponse | None:
        """The answer that starts at `offset`, of this very version; None where the server does not give that."""
        if self._validator is None:
            return None
        headers = {"Range": f"bytes={offset}-", "If-Range": self._validator}
        answer = await self._client.get(self._url, headers)
        starts = starts_at(answer.headers) if answer.status == 206 else None
        same = strong_validator(answer.headers) in (self._validator, None)
        if starts == offset and same and not answer.headers.get("Content-Encoding"):
            return answer
        log.debug("%s: no range from byte %d (HTTP %d)", redacted(self._url), offset, answer.status)
        answer.close()
        return None

    def _close(self, answer: aiohttp.ClientResponse) -> None:
        self._bridge.close(answer.close)


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """What If-Range may name: a strong ETag, else the date; None where bytes may be encoded on the fly."""
    if headers.get("Content-Encoding", "identity") != "identity":
        return None
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


def starts_at(headers: Mapping[str, str]) -> int | None:
    """The first byte of a Content-Range."""
    found = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(found[1]) if found else None
