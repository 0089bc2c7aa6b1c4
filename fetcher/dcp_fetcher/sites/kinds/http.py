"""http: a server's files (http/)."""

from __future__ import annotations

import asyncio

import msgspec

from dcp_fetcher.ground.patience import Bridge
from dcp_fetcher.sites.http.client import HttpClient
from dcp_fetcher.sites.http.listing import is_listing, list_http
from dcp_fetcher.sites.http.naming import Addresses
from dcp_fetcher.sites.http.site import HttpSite
from dcp_fetcher.sites.kinds.place import Around
from dcp_fetcher.sites.listing import Entry
from dcp_pipeline.spec.model import Source
from dcp_pipeline.spec.sources.http import HttpSource


async def place(source: Source, around: Around) -> Server:
    """The source, opened."""
    settings = source.where(HttpSource)
    assert settings is not None
    client = await around.stack.enter_async_context(HttpClient(settings, around.secrets))
    return Server(settings, source.decompression.max_bytes.bytes, client, around)


class Server:
    """What a server lists, or one file of it."""

    follows = False
    path = None

    def __init__(self, settings: HttpSource, spool_bytes: int, client: HttpClient, around: Around) -> None:
        self._settings, self._spool_bytes, self._client, self._around = settings, spool_bytes, client, around
        self._addresses = Addresses(settings.ignore_query)
        self.site = self._site(client)

    async def entries(self) -> list[Entry]:
        around = self._around
        return await list_http(self._client, self._settings, around.backoff, around.stop, around.parts)

    def covers(self, uri: str) -> bool:
        if not is_listing(self._settings):
            return False
        return uri.startswith(self._settings.url.partition("?")[0].rpartition("/")[0] + "/")

    async def stranger(self) -> HttpSite:
        client = HttpClient(without_credentials(self._settings), self._around.secrets)
        return self._site(await self._around.stack.enter_async_context(client))

    def _site(self, client: HttpClient) -> HttpSite:
        around = self._around
        bridge = Bridge(asyncio.get_running_loop(), around.stop)
        return HttpSite(
            bridge, around.stop, client, around.backoff, around.spool_folder, self._spool_bytes, self._addresses
        )


def without_credentials(settings: HttpSource) -> HttpSource:
    """The source, unknown to the servers that it asks."""
    return msgspec.structs.replace(settings, headers=(), query=(), basic_auth=None, bearer_token=None, tls=None)
