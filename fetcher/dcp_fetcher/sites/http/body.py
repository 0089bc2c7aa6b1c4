"""One version of one URL, read from a thread over as many answers as it takes, to where it is known to end.

An answer may break off, bring less than was asked for, or end with nothing but its connection. Then the rest is asked
for, and compared with what is there already. extent.py says what an answer brings, validators.py what version it is.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from dcp_fetcher.ground.errors import ChangedError, FetchError, TemporaryError, UnreachableError
from dcp_fetcher.ground.patience import Backoff, Bridge, Stop
from dcp_fetcher.sites.http.client import HttpClient, network_error
from dcp_fetcher.sites.http.drip import Drip
from dcp_fetcher.sites.http.extent import Extent, extent_of
from dcp_fetcher.sites.http.naming import redacted
from dcp_fetcher.sites.http.validators import Validators, token_of, validators_of
from dcp_pipeline.batch import digester

log = logging.getLogger(__name__)

PUMPED_PIECES = 2
OVERLAP_BYTES = 256
"""So many bytes are asked for once more with the rest: they must be the same."""
COMPARED_BYTES = 256 * 1024


class Pump:
    """Takes an answer's bytes off the connection as they come: aiohttp drops what it holds when a connection breaks.

    Made on the event loop. Holds PUMPED_PIECES pieces; the connection is not read further while they wait.
    """

    def __init__(self, answer: aiohttp.ClientResponse, url: str) -> None:
        self.answer, self._url = answer, url
        self._pieces: asyncio.Queue[bytes | FetchError] = asyncio.Queue(PUMPED_PIECES)
        self._left = b""
        self._task = asyncio.create_task(self._run())

    async def take(self, most: int | None = None) -> bytes:
        """The next piece, or its first bytes; none at the end, again and again. Raises what a break means."""
        piece, self._left = self._left or await self._pieces.get(), b""
        if isinstance(piece, FetchError) or not piece:
            self._pieces.put_nowait(piece)
        if isinstance(piece, FetchError):
            raise piece
        if most is not None:
            piece, self._left = piece[:most], piece[most:]
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
        except Exception as error:  # noqa: BLE001 (whoever waits for the next piece would wait for ever)
            await self._pieces.put(network_error(error, self._url))
        else:
            await self._pieces.put(b"")


@dataclass(frozen=True)
class Asking:
    """How one URL is asked for, from a thread."""

    bridge: Bridge
    stop: Stop
    client: HttpClient
    backoff: Backoff
    url: str

    def ask(self, headers: Mapping[str, str] | None = None) -> Pump:
        """An answer, its body pumped from the first moment on. Raises what client.get() does, and Stopped."""
        return self.bridge.call(self._ask(headers))

    def take(self, pump: Pump, most: int) -> bytes:
        """Up to so many bytes; fewer only at the answer's end."""
        taken = b""
        while len(taken) < most and (piece := self.bridge.call(pump.take(most - len(taken)))):
            taken += piece
        return taken

    async def _ask(self, headers: Mapping[str, str] | None) -> Pump:
        return Pump(await self.client.get(self.url, headers), self.url)

    def close(self, pump: Pump) -> None:
        self.bridge.close(pump.close)


class HttpBody:
    """Reads one version of one URL. Raises TemporaryError where it breaks and cannot be resumed here, Stopped.

    `growing`: a file that is added to, of which every beginning is as good as the whole. Raises ChangedError where it
    has to be read from its first byte on.
    """

    def __init__(self, asking: Asking, pump: Pump, extent: Extent, growing: bool = False) -> None:
        self._asking, self._pump, self._extent, self._growing = asking, pump, extent, growing
        self._began, self._left = extent.start, b""
        self._token = token_of(_validators(pump), extent.total)
        encoded = pump.answer.headers.get("Content-Encoding", "identity") != "identity"
        self._validator = None if encoded else _validators(pump).strongest
        self.offset = extent.start
        """Of the next byte, in what the server sends."""
        self.end_known = True
        """Whether what read() said was the end is one."""
        self._tail = b""
        self._drip = Drip()
        # Only where a second answer will have to be compared from its first byte on: a digest costs as much as cutting.
        self._seen = None if extent.framed or extent.start else digester()
        self._failures, self._asked_at, self._confirmed = 0, -1, False
        self.on_pause: Callable[[], None] | None = None
        """Called when the next bytes keep us waiting."""
        self.on_bytes: Callable[[int], None] | None = None

    def read(self, most: int) -> bytes:
        while not self._left:
            try:
                began = time.monotonic()
                self._left = self._asking.bridge.call(self._pump.take(), self.on_pause)
                self._drip.came(time.monotonic() - began, len(self._left))
            except UnreachableError:
                raise
            except TemporaryError as error:
                self._ask_on(error)
                continue
            if not self._left and self._is_over():
                return b""
        data, self._left = self._left[:most], self._left[most:]
        self.offset += len(data)
        self._tail = (self._tail + data[-OVERLAP_BYTES:])[-OVERLAP_BYTES:]
        if self._seen is not None:
            self._seen.update(data)
        if self.on_bytes is not None:
            self.on_bytes(len(data))
        return data

    def seek(self, offset: int) -> bool:
        """Go on at `offset`, if the server can; False: nothing has changed, read on from here."""
        if offset == self.offset or self._growing:  # A growing one was asked for from where it is needed.
            return offset == self.offset
        found = self._range(offset)
        if found is None:
            return False
        self._go_on(*found, offset)
        self._tail, self._seen = b"", None
        return True

    def skip_to(self, offset: int) -> bool:
        """Read along up to `offset`; False where it ends before."""
        while self.offset < offset:
            if not self.read(offset - self.offset):
                return False
        return True

    def check_unchanged(self) -> None:
        """Every answer was compared with the one before it."""

    def close(self) -> None:
        self._asking.close(self._pump)

    def _go_on(self, pump: Pump, extent: Extent, offset: int) -> None:
        self.close()
        self._pump, self._extent, self._left, self.offset = pump, extent, b"", offset

    def _is_over(self) -> bool:
        """The answer is; is the whole? Otherwise there is a next answer now."""
        total = self._extent.total
        if total is not None and self.offset > total:
            raise self._error(f"more than the {total} bytes that the server spoke of")
        if self._confirmed or self._extent.ends_at(self.offset):
            return True
        asked = self._asked_at == self.offset or (self._seen is not None and self._asked_at >= 0)
        if self._growing and total is None and asked:
            # It may grow between any two answers. What came is there; the rest comes with the next look.
            self.end_known = False
            return True
        of = "with nothing to show that this is the end" if total is None else f"of {total}"
        try:
            self._ask_on(self._error(f"an answer ended at byte {self.offset} {of}"), at_once=True)
        except TemporaryError as error:
            if self._growing and self._began:
                raise ChangedError(f"ranges do not lead to its end: {error}") from error
            raise
        return self._confirmed

    def _ask_on(self, error: TemporaryError, at_once: bool = False) -> None:
        """Ask for the rest. Raises the error when that does not help, or was tried often enough without a new byte."""
        backoff = self._asking.backoff
        self._failures = 1 if self.offset > self._asked_at else self._failures + 1
        self._asked_at = self.offset
        if self._failures >= backoff.attempts:
            raise error
        log.info("%s; asking for the rest", error)
        if self._failures > 1 or not at_once:
            self._asking.stop.wait(backoff.pause_seconds(self._failures, error.retry_after_seconds, random.random()))  # noqa: S311
        try:
            found = self._rest_by_range() or self._rest_of_whole()
        except TemporaryError as again:
            return self._ask_on(again)
        if not found:
            raise error

    def _rest_by_range(self) -> bool:
        """The rest, and the last bytes before it once more. False where the server does not give that."""
        overlap = self._tail
        found = self._range(self.offset - len(overlap))
        if found is None:
            return False
        pump, extent = found
        if self._asking.take(pump, len(overlap)) != overlap:
            self._asking.close(pump)
            raise self._error("it was changed while it was read")
        self._go_on_behind(pump, extent)
        return True

    def _range(self, start: int) -> tuple[Pump, Extent] | None:
        """An answer that begins there, of this very version; None where the server does not give that."""
        if self._validator is None and not self._growing:
            return None
        condition = {} if self._growing or self._validator is None else {"If-Range": self._validator}
        pump = self._asking.ask({"Range": f"bytes={start}-", **condition})
        extent = extent_of(pump.answer.status, pump.answer.headers)
        if extent is not None and extent.partial and extent.start == start and self._is_same_part(pump, extent):
            return pump, extent
        log.debug("%s: no range from byte %d (HTTP %d)", redacted(self._asking.url), start, pump.answer.status)
        self._asking.close(pump)
        return None

    def _is_same_part(self, pump: Pump, extent: Extent) -> bool:
        """Is it of the version that is being read? One that grows is told by the overlap alone."""
        same = _validators(pump).strongest == self._validator and self._extent.total in (None, extent.total)
        return self._growing or same

    def _rest_of_whole(self) -> bool:
        """Have it sent once more, from its first byte on. Where it ends at the same byte, that is its end."""
        if self._seen is None:
            return False
        pump = self._asking.ask()
        extent = extent_of(pump.answer.status, pump.answer.headers)
        same = extent is not None and (self._growing or token_of(_validators(pump), extent.total) == self._token)
        if extent is None or extent.partial or not same:
            self._asking.close(pump)
            return False
        try:
            self._compare(pump, self._seen.hexdigest())
        except TemporaryError:
            self._asking.close(pump)
            raise
        self._go_on_behind(pump, extent)
        return True

    def _compare(self, pump: Pump, seen: str) -> None:
        again, left = digester(), self.offset
        while left:
            piece = self._asking.take(pump, min(left, COMPARED_BYTES))
            if not piece:
                raise self._error(f"it ended at byte {self.offset} and, asked once more, at byte {self.offset - left}")
            again.update(piece)
            left -= len(piece)
        if again.hexdigest() != seen:
            raise self._error("it was changed while it was read")

    def _go_on_behind(self, pump: Pump, extent: Extent) -> None:
        """With an answer of which everything up to here was taken. Does it end here too? Then this is the end."""
        first = self._asking.bridge.call(pump.take())
        self._go_on(pump, extent, self.offset)
        self._left, self._confirmed = first, not first and not extent.partial

    def _error(self, what: str) -> TemporaryError:
        return TemporaryError(f"{redacted(self._asking.url)}: {what}")


def _validators(pump: Pump) -> Validators:
    return validators_of(pump.answer.headers, datetime.now(UTC))
