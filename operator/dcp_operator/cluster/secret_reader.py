"""Secrets, read by name: never listed, never watched, and not asked for again within seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dcp_operator.children.judge import SecretSeen, to_seen
from dcp_operator.cluster.api import Api
from dcp_operator.ground.kinds import SECRET

FRESH_SECONDS = 20.0
"""Less than a resync's period: each resync sees what has been rotated."""


class SecretReader:
    """Reads Secrets, and remembers those that there are for FRESH_SECONDS."""

    def __init__(self, api: Api, monotonic: Callable[[], float]) -> None:
        self._api, self._monotonic = api, monotonic
        self._read: dict[tuple[str, str], tuple[float, SecretSeen]] = {}
        """The oldest first."""

    async def read(self, namespace: str, names: Iterable[str]) -> dict[str, SecretSeen]:
        """Those of the Secrets that exist. ApiError and ApiUnreachable pass through."""
        self._expire()
        found = {name: await self._one(namespace, name) for name in sorted(set(names))}
        return {name: seen for name, seen in found.items() if seen is not None}

    async def _one(self, namespace: str, name: str) -> SecretSeen | None:
        remembered = self._read.get((namespace, name))
        if remembered is not None:
            return remembered[1]
        document = await self._api.get(SECRET, namespace, name)
        if document is None:
            return None
        seen = to_seen(document)
        self._read[namespace, name] = (self._monotonic(), seen)
        return seen

    def _expire(self) -> None:
        oldest = self._monotonic() - FRESH_SECONDS
        while self._read and self._read[key := next(iter(self._read))][0] <= oldest:
            del self._read[key]
