"""Names of hosts to addresses, none of which a source may not be led to: what is checked is what is connected to."""

from __future__ import annotations

import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from dcp_pipeline.reach import Reach


class OutOfReach(OSError):
    """Every address of a host is one that the source may not be led to."""


class ReachResolver(AbstractResolver):
    """The resolver of one source's connections. To be made on the event loop."""

    def __init__(self, reach: Reach, resolver: Any = None, proxies: frozenset[tuple[str, int]] = frozenset()) -> None:
        """`proxies`: hosts and ports that the environment names, where they may be, for whoever set it said so."""
        self._reach, self._resolver, self._proxies = reach, resolver or DefaultResolver(), proxies

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses that may be connected to. Raises OutOfReach where there is none among those found."""
        found: list[ResolveResult] = await self._resolver.resolve(host, port, family)
        if (host.lower(), port) in self._proxies:
            return found
        refused = [self._reach.refuses_address(host.lower().rstrip("."), port, each["host"]) for each in found]
        within = [each for each, why in zip(found, refused, strict=True) if why is None]
        if found and not within:
            raise OutOfReach(refused[0])
        return within

    async def close(self) -> None:
        await self._resolver.close()
