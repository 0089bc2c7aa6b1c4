"""The body of an answer, read from a thread; where the connection breaks, the rest is asked for by Range."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Callable, Mapping

import aiohttp

from dcp_fetcher.ground.errors import FetchError, TemporaryError
from dcp_fetcher.ground.patience import Backoff, Bridge, Stop
from dcp_fetcher.sites.http.client import HttpClient, network_error, redacted

log = logging.getLogger(__name__)

PUMPED_PIECES = 2


class Pump:
    """Takes an answer's bytes off the connection as they come: aiohttp drops what it holds when a connection breaks.

    Made on the event loop. Holds PUMPED_PIECES pieces; the connection is not read further while they wait.
    """

    def __init__(self, answer: aiohttp.ClientResponse, url: str) -> None:
        self.answer, self._url = answer, url
        self._pieces: asyncio.Queue[bytes | FetchError] = asyncio.Queue(PUMPED_PIECES)
        self._task = asyncio.create_task(self._run())

    async def take(self) -> bytes:
        """The next piece; none at the end, again and again. Raises what a broken connection means."""
        piece = await self._pieces.get()
        if isinstance(piece, FetchError) or not piece:
            self._pieces.put_nowait(piece)
        if isinstance(piece, FetchError):
            raise piece
        return piece

    def close(self) -> None:
        self._task.cancel()
        self.answer.close()

    async def _run(self) -> None:
        try:
            while piece := await self.answer.content.readany():
                await self._pieces.put(piece)
        except aiohttp.ClientError as error:
            await self._pieces.put(network_error(error, self._url))
        except (TimeoutError, OSError) as error:
            await self._pieces.put(network_error(error, self._url))
        else:
            await self._pieces.put(b"")


class HttpBody:
    """Reads one version of one URL. Raises TemporaryError where it breaks and cannot be resumed here, Stopped."""

    def __init__(self, bridge: Bridge, stop: Stop, client: HttpClient, backoff: Backoff, url: str, pump: Pump) -> None:
        self._bridge, self._stop, self._client, self._backoff, self._url = bridge, stop, client, backoff, url
        self._pump = pump
        self._left = b""
        self._validator = strong_validator(pump.answer.headers)
        self.offset = 0
        """Of the next byte, in what the server sends."""
        self._failures = 0
        self.on_pause: Callable[[], None] | None = None
        """Called when the next bytes keep us waiting."""
        self.on_bytes: Callable[[int], None] | None = None

    def read(self, most: int) -> bytes:
        while not self._left:
            try:
                self._left = self._bridge.call(self._pump.take(), self.on_pause)
            except TemporaryError as error:
                self._resume(error)
                continue
            if not self._left:
                return b""
            self._failures = 0
        data, self._left = self._left[:most], self._left[most:]
        self.offset += len(data)
        if self.on_bytes is not None:
            self.on_bytes(len(data))
        return data

    def seek(self, offset: int) -> bool:
        """Go on at `offset`, if the server can; False: nothing has changed, read on from here."""
        if offset == self.offset:
            return True
        pump = self._bridge.call(self._range(offset))
        if pump is None:
            return False
        self._go_on(pump, offset)
        return True

    def check_unchanged(self) -> None:
        """The server said so with every answer."""

    def close(self) -> None:
        self._bridge.close(self._pump.close)

    def _go_on(self, pump: Pump, offset: int) -> None:
        self.close()
        self._pump, self._left, self.offset = pump, b"", offset

    def _resume(self, error: TemporaryError) -> None:
        """Ask for the rest. Raises the error when that does not help, or was tried often enough."""
        self._failures += 1
        if self._validator is None or self._failures >= self._backoff.attempts:
            raise error
        log.info("download broke after %d bytes, resuming: %s", self.offset, error)
        self._stop.wait(self._backoff.pause_seconds(self._failures, error.retry_after_seconds, random.random()))  # noqa: S311
        try:
            pump = self._bridge.call(self._range(self.offset))
        except TemporaryError as again:
            return self._resume(again)
        if pump is None:
            raise error
        self._go_on(pump, self.offset)

    async def _range(self, offset: int) -> Pump | None:
        """The answer that starts at `offset`, of this very version; None where the server does not give that."""
        if self._validator is None:
            return None
        headers = {"Range": f"bytes={offset}-", "If-Range": self._validator}
        pump = await ask(self._client, self._url, headers)
        answer = pump.answer
        starts = starts_at(answer.headers) if answer.status == 206 else None
        same = strong_validator(answer.headers) in (self._validator, None)
        if starts == offset and same and not answer.headers.get("Content-Encoding"):
            return pump
        log.debug("%s: no range from byte %d (HTTP %d)", redacted(self._url), offset, answer.status)
        pump.close()
        return None


async def ask(client: HttpClient, url: str, headers: Mapping[str, str] | None = None) -> Pump:
    """client.get(), its body pumped from the first moment on."""
    return Pump(await client.get(url, headers), url)


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
