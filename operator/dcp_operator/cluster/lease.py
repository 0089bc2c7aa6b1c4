"""Which of several replicas writes: the one that holds the Lease. The others watch all the same, and are warm.

A holder renews each second, and believes in its lease for four seconds from when it sent the last renewal that
succeeded. Others take it over when they have seen no change of it for five seconds by their own clock: clocks of nodes
are compared with nothing. Who ends gives the lease back, and the next takes it within a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from dcp_operator.cluster.answers import ApiError, ApiUnreachable, Document
from dcp_operator.cluster.api import Api
from dcp_operator.ground.kinds import LEASE

log = logging.getLogger(__name__)

DURATION_SECONDS = 5.0
BELIEVED_SECONDS = 4.0
PERIOD_SECONDS = 1.0
REQUEST_SECONDS = 3.0


class Leadership:
    """`leading` says whether this replica may write. run() renews, or waits for its turn, until cancelled."""

    def __init__(
        self, api: Api, namespace: str, name: str, identity: str,
        monotonic: Callable[[], float], now: Callable[[], datetime], changed: Callable[[bool], None],
    ) -> None:  # fmt: skip
        self._api, self._namespace, self._name, self._identity = api, namespace, name, identity
        self._monotonic, self._now, self._changed = monotonic, now, changed
        self._until = float("-inf")
        self._was_leading = False
        self._seen: tuple[Any, ...] | None = None
        self._seen_at = float("-inf")
        self.problem: str | None = None
        """Why the lease can be neither read nor taken: then nobody may write."""

    @property
    def leading(self) -> bool:
        return self.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        """For how long it believes in its lease: what it writes is done by then, or given up."""
        return self._until - self._monotonic()

    async def run(self, beat: Callable[[], None]) -> None:
        while True:
            await self.run_once()
            beat()
            await asyncio.sleep(PERIOD_SECONDS)

    async def run_once(self) -> None:
        """Renew, take, or look who has it."""
        begun = self._monotonic()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                holds = await self._hold()
        except (ApiError, ApiUnreachable, TimeoutError) as error:
            self._failed(error)
        else:
            self.problem = None
            self._until = begun + BELIEVED_SECONDS if holds else float("-inf")
        if self.leading != self._was_leading:
            self._was_leading = self.leading
            log.info("this replica leads" if self.leading else "this replica stands by", extra={"lease": self._name})
            self._changed(self.leading)

    async def release(self) -> None:
        """Give the lease back, where it is ours: the next one need not wait for its end."""
        if not self.leading:
            return
        self._until = float("-inf")
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                found = await self._api.lease("GET", LEASE.path(self._namespace, self._name))
                if found["spec"].get("holderIdentity") == self._identity:
                    await self._put(found, {**found["spec"], "holderIdentity": ""})
        except (ApiError, ApiUnreachable, TimeoutError) as error:
            log.info("the lease was not given back", extra={"error": str(error)})

    async def _hold(self) -> bool:
        try:
            found = await self._api.lease("GET", LEASE.path(self._namespace, self._name))
        except ApiError as error:
            if error.status != 404:
                raise
            return await self._taken(None)
        spec = found.get("spec") or {}
        seen = (spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseTransitions"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._monotonic()
        holder = spec.get("holderIdentity")
        over = self._monotonic() - self._seen_at >= DURATION_SECONDS
        return await self._taken(found) if holder in (None, "", self._identity) or over else False

    async def _taken(self, found: Document | None) -> bool:
        """Whether it is ours now. Another may have been quicker: then the versions differ."""
        before = (found or {}).get("spec") or {}
        moment = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = before.get("holderIdentity") == self._identity
        transitions = int(before.get("leaseTransitions") or 0) + (0 if ours or found is None else 1)
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION_SECONDS),
            "acquireTime": before["acquireTime"] if ours and before.get("acquireTime") else moment,
            "renewTime": moment,
            "leaseTransitions": transitions,
        }
        try:
            await self._put(found, spec)
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        self._seen = None
        return True

    async def _put(self, found: Document | None, spec: Document) -> None:
        metadata = found["metadata"] if found else {"name": self._name, "namespace": self._namespace}
        kept = {key: value for key, value in metadata.items() if key != "managedFields"}
        document = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": kept, "spec": spec}
        if found is None:
            await self._api.lease("POST", LEASE.path(self._namespace), document)
        else:
            await self._api.lease("PUT", LEASE.path(self._namespace, self._name), document)

    def _failed(self, error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"
        if told != self.problem:
            log.warning("the lease can be neither read nor taken", extra={"lease": self._name, "error": told})
        self.problem = told
