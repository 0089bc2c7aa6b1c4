"""One kind in one namespace, listed and watched on its own: what befalls it befalls no other. Read parts.py next.

A list first, then a watch from where the list ended, for a resync's period; then the same again. The list is what is
believed: whatever a stalled watch has missed is seen then, and an etcd that was set back is followed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dcp_operator.cluster.answers import ApiError, ApiUnreachable, Document, Sent
from dcp_operator.cluster.api import Api
from dcp_operator.ground.kinds import Kind

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class Place:
    """A kind in a namespace; None: in all of them."""

    kind: Kind
    namespace: str | None

    def __str__(self) -> str:
        return f"{self.kind.plural} in {self.namespace or 'all namespaces'}"


@dataclass(frozen=True)
class Unseen:
    """Why the API server lets us see nothing of a kind in a namespace."""

    status: int
    message: str


class Kept(Protocol):
    """Who keeps what is listed and watched."""

    def listed(self, objects: Sequence[Sent], version: str, set_back: bool) -> None: ...
    def happened(self, type: str, document: Document) -> None: ...


class Part:
    """run() lists and watches for ever; list_once() is its first step, alone."""

    def __init__(
        self, place: Place, label_selector: str, api: Api, kept: Kept, period_seconds: float,
        changed: Callable[[Place], None], turns: asyncio.Semaphore, failed: Callable[[Place, Exception], None],
    ) -> None:  # fmt: skip
        self.place, self._selector, self._api, self._kept = place, label_selector, api, kept
        self._period, self._changed, self._turns, self._failed = period_seconds, changed, turns, failed
        self._version = 0
        self._failures = 0
        self.listed = False
        """Whether it was listed once."""
        self.refusal: Unseen | None = None
        """Why the API server lets us see nothing here, as it said last."""

    @property
    def settled(self) -> bool:
        """Whether it is known what there is, or that we may not know."""
        return self.listed or self.refusal is not None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                version = await self.list_once()
                await self._watch(version)
            except (ApiError, ApiUnreachable) as error:
                await asyncio.sleep(self._pause(error))
            except Exception as error:  # an object that nobody foresaw must not end the watch of all others
                log.exception("an object cannot be taken in", extra={"place": str(self.place)})
                await asyncio.sleep(self._pause(ApiUnreachable(f"{type(error).__name__}: {error}")))

    async def list_once(self) -> str:
        """The version of the list. ApiError and ApiUnreachable pass through; a refusal is remembered."""
        at_least = self._version
        try:
            async with self._turns:
                objects, version = await self._api.listed(self.place.kind, self.place.namespace, self._selector)
        except ApiError as error:
            self._note(error)
            raise
        if set_back := int(version) < at_least:
            log.warning("etcd was set back", extra={"place": str(self.place), "from": at_least, "to": version})
        self._version = int(version)
        self._kept.listed(objects, version, set_back)
        self._lifted()
        return version

    async def _watch(self, version: str) -> None:
        """Follow what happens, for a period. A watch that the server ends is taken up where it stood; one that ends
        with an ERROR, or was sent away, leaves it to the next list."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._period * random.uniform(0.9, 1.1)  # noqa: S311
        while (left := until - loop.time()) > 0:
            begun = loop.time()
            async for kind, document in self._api.watch(
                self.place.kind, self.place.namespace, version, self._selector, left
            ):
                version = str(document["metadata"]["resourceVersion"])
                self._version = max(self._version, int(version))
                if kind != "BOOKMARK":
                    self._kept.happened(kind, document)
            await asyncio.sleep(max(0.0, min(1.0, left) - (loop.time() - begun)))

    def _note(self, error: ApiError) -> None:
        """Remember a refusal, and tell of it once."""
        if error.passing or error.status == 410:
            return
        told = Unseen(error.status, f"{self.place} cannot be listed: HTTP {error.status}: {error}")
        if told != self.refusal:
            log.warning("nothing is seen of this kind here", extra={"place": str(self.place), "error": told.message})
            self.refusal = told
            self._changed(self.place)

    def _lifted(self) -> None:
        self._failures = 0
        first, self.listed = not self.listed, True
        if self.refusal is not None:
            log.info("seen again", extra={"place": str(self.place)})
        if first or self.refusal is not None:
            self.refusal = None
            self._changed(self.place)

    def _pause(self, error: ApiError | ApiUnreachable) -> float:
        self._failed(self.place, error)
        if isinstance(error, ApiError) and error.status == 410 and self._failures == 0:
            self._failures = 1
            return 0.0
        log.log(logging.DEBUG if self.refusal else logging.INFO, "to be listed again",
                extra={"place": str(self.place), "error": str(error)})  # fmt: skip
        pause = min(FIRST_PAUSE_SECONDS * 2.0**self._failures, LONGEST_PAUSE_SECONDS, self._period)
        self._failures = min(self._failures + 1, 16)
        asked = error.retry_after if isinstance(error, ApiError) else None
        return max(pause * random.uniform(0.5, 1.0), asked or 0.0)  # noqa: S311
