"""Puts the parts of a fetcher together for one run: clients, sites, a watch for each source, the task desk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from dcp_fetcher.follower import Follower
from dcp_fetcher.ground.attempts import Attempts
from dcp_fetcher.ground.patience import Backoff, Bridge
from dcp_fetcher.ground.ports import Inbox, Secrets
from dcp_fetcher.ground.wall import in_thread
from dcp_fetcher.objects import ObjectReader, SourceTerms
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.reading import HowToCut
from dcp_fetcher.settling import Settling, settle_seconds
from dcp_fetcher.sites.files.site import FileSite, list_files
from dcp_fetcher.sites.http.client import HttpClient
from dcp_fetcher.sites.http.listing import is_listing, list_http
from dcp_fetcher.sites.http.naming import Addresses
from dcp_fetcher.sites.http.site import HttpSite
from dcp_fetcher.sites.listing import Entry
from dcp_fetcher.sites.site import Site
from dcp_fetcher.tasks.desk import TaskDesk
from dcp_fetcher.tasks.request import Assigned, TaskTerms
from dcp_fetcher.watch import Watch
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.spec.labels import WantedLabels
from dcp_pipeline.spec.model import FileSource, Format, HttpSource, Pipeline, Source
from dcp_pipeline.spec.revision import revision_from, revision_of


@dataclass(frozen=True)
class Surroundings:
    """What a fetcher is given. `located` says where a file source's path is; `spool_folder` keeps downloads."""

    secrets: Secrets
    located: Callable[[FileSource], Path]
    spool_folder: Path | None
    side_by_side: int
    backoff: Backoff
    once: bool = False


class Assembly:
    """The parts of one run; made on the event loop, inside `stack`, which closes the clients."""

    def __init__(self, pipeline: Pipeline, around: Surroundings, outlet: Outlet, stack: AsyncExitStack) -> None:
        self._pipeline, self._around, self._outlet, self._stack = pipeline, around, outlet, stack
        # Each source has places of its own, and the inbox too: one whose downloads drip keeps only itself waiting.
        self._slots = {each.name: asyncio.Semaphore(around.side_by_side) for each in pipeline.spec.sources}
        self._task_slots = asyncio.Semaphore(around.side_by_side)
        self._formats: dict[str, Format] = {}
        self._strange: dict[str, HttpClient] = {}
        """By source, for tasks whose URL is not its own: no credentials, no authority of ours."""
        self._watches: dict[str, Watch] = {}
        self._addresses = {
            each.name: Addresses(each.http.ignore_query if each.http else ()) for each in pipeline.spec.sources
        }
        self._settling = {each.name: Settling(settle_seconds(each, around.once)) for each in pipeline.spec.sources}

    async def watches(self) -> list[Watch]:
        """One for each source, in the spec's order."""
        for source in self._pipeline.spec.sources:
            if source.file is not None:
                list_entries = self._files_of(source.file)
                self._watches[source.name] = self._watch(source, FileSite(), list_entries)
            elif source.http is not None:
                client = await self._stack.enter_async_context(HttpClient(source.http, self._around.secrets))
                parts = source.partial == "accept"
                list_entries = partial(list_http, client, source.http, self._around.backoff, self._outlet.stop, parts)
                self._watches[source.name] = self._watch(source, self._http_site(client, source), list_entries)
        return list(self._watches.values())

    async def desk(self, inbox: Inbox) -> TaskDesk:
        """The task desk; to be asked for after watches()."""
        sources = self._pipeline.spec.sources
        for each in sources:
            if each.http is not None:
                client = HttpClient(without_credentials(each.http), self._around.secrets)
                self._strange[each.name] = await self._stack.enter_async_context(client)
        paths = {each.name: self._around.located(each.file) for each in sources if each.file is not None}
        terms = TaskTerms(sources, paths, self._pipeline.spec.worker)
        return TaskDesk(inbox, terms, self._watch_of, self._outlet)

    def _watch_of(self, assigned: Assigned, priority: int | None) -> Watch:
        """Who reads a task: with its own priority, and without credentials where the URL is not the source's own."""
        source = assigned.source
        followed = source.file is not None and source.growth == "append"
        if assigned.own and (priority is None or followed):
            return self._watches[source.name]
        site = self._watches[source.name].reader.site
        if not assigned.own:
            site = self._http_site(self._strange[source.name], source)
        return self._watch(source, site, _nothing, priority)

    def _files_of(self, file: FileSource) -> Callable[[], Awaitable[list[Entry]]]:
        return lambda: in_thread(list_files, self._around.located(file), file)

    def _http_site(self, client: HttpClient, source: Source) -> HttpSite:
        stop, around = self._outlet.stop, self._around
        bridge = Bridge(asyncio.get_running_loop(), stop)
        spool_bytes = source.decompression.max_bytes.bytes
        addresses = self._addresses[source.name]
        return HttpSite(bridge, stop, client, around.backoff, around.spool_folder, spool_bytes, addresses)

    def _watch(
        self,
        source: Source,
        site: Site,
        list_entries: Callable[[], Awaitable[list[Entry]]],
        priority: int | None = None,
    ) -> Watch:
        terms = SourceTerms(
            pipeline=self._pipeline.key,
            source=source.name,
            revision=revision_of(self._pipeline, source.name)[0],
            priority=source.priority if priority is None else priority,
            growing=source.growth == "append",
            how=HowToCut(
                source.format,
                self._pipeline.spec.fetcher.batch,
                source.decompression,
                source.partial == "accept",
                WantedLabels.of(self._pipeline.spec.cleaning),
            ),
            format_of=self._format_of,
            settling=self._settling[source.name],
            table=self._pipeline.table,
            attempts=Attempts(self._around.spool_folder, self._pipeline.spec.worker.max_crashes),
        )
        reader = ObjectReader(terms, site, self._outlet)
        around = self._around
        follower = None
        if source.file is not None and terms.growing:
            follower = Follower(reader, self._outlet, source.name, terms.settling)
        return Watch(
            source.name,
            list_entries,
            reader,
            self._outlet,
            self._task_slots if list_entries is _nothing else self._slots[source.name],
            around.side_by_side,
            around.backoff,
            follower,
            self._covered(source),
        )

    def _covered(self, source: Source) -> Callable[[str], bool]:
        """Whether the source's listing would name a uri: of a folder the files right in it, of a server all below."""
        if source.file is not None:
            path = self._around.located(source.file)
            return lambda uri: path.is_dir() and uri.rpartition("/")[0] == path.resolve().as_uri()
        if source.http is not None and is_listing(source.http):
            folder = source.http.url.partition("?")[0].rpartition("/")[0] + "/"
            return lambda uri: uri.startswith(folder)
        return lambda uri: False

    def _format_of(self, recorded: SourceObject) -> Format:
        """The format of the revision that an object was opened with."""
        if recorded.revision not in self._formats:
            document = self._outlet.ledger.spec(recorded.revision)
            self._formats[recorded.revision] = revision_from(document).format
        return self._formats[recorded.revision]


def without_credentials(source: HttpSource) -> HttpSource:
    """The source, unknown to the servers that it asks."""
    return msgspec.structs.replace(source, headers=(), query=(), basic_auth=None, bearer_token=None, tls=None)


async def _nothing() -> list[Entry]:
    return []
