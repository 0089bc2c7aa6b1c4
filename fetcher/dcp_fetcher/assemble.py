"""Puts the parts of a fetcher together for one run: clients, sites, a watch for each source, the task desk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from dcp_fetcher.following.follower import Follower
from dcp_fetcher.ground.attempts import Attempts
from dcp_fetcher.ground.patience import Backoff
from dcp_fetcher.ground.ports import Inbox, Secrets
from dcp_fetcher.ground.room import Room, room_of_the_machine
from dcp_fetcher.objects import ObjectReader, SourceTerms
from dcp_fetcher.objects.forgotten import Forgotten
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.reading import HowToCut
from dcp_fetcher.settling import Settling, settle_seconds
from dcp_fetcher.sites.kinds.place import Around, Place, place_of
from dcp_fetcher.sites.listing import Entry
from dcp_fetcher.sites.site import Site
from dcp_fetcher.tasks.desk import TaskDesk
from dcp_fetcher.tasks.request import Assigned, TaskTerms
from dcp_fetcher.watch import Watch
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.spec.model import Format, Pipeline, Source
from dcp_pipeline.spec.revision import revision_from, revision_of
from dcp_pipeline.spec.wanted_labels import WantedLabels


@dataclass(frozen=True)
class Surroundings:
    """What a fetcher is given. `located` turns a path of the spec into a file's; `spool_folder` keeps downloads."""

    secrets: Secrets
    located: Callable[[str], Path]
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
        self._places: dict[str, Place] = {}
        self._strange: dict[str, Site] = {}
        """By source, for tasks whose URL is not its own."""
        self._watches: dict[str, Watch] = {}
        self._attempts = Attempts(around.spool_folder, pipeline.spec.worker.max_crashes, outlet.stop.check)
        self._room = Room(room_of_the_machine(), outlet.stop.check)
        self._settling = {each.name: Settling(settle_seconds(each, around.once)) for each in pipeline.spec.sources}

    async def watches(self) -> list[Watch]:
        """One for each source, in the spec's order."""
        for source in self._pipeline.spec.sources:
            place = self._places[source.name] = await place_of(source, self._given(source))
            self._watches[source.name] = self._watch(source, place.site, place.entries)
        return list(self._watches.values())

    async def desk(self, inbox: Inbox) -> TaskDesk:
        """The task desk; to be asked for after watches()."""
        sources = self._pipeline.spec.sources
        for name, place in self._places.items():
            if (stranger := await place.stranger()) is not None:
                self._strange[name] = stranger
        paths = {name: place.path for name, place in self._places.items() if place.path is not None}
        terms = TaskTerms(sources, paths, self._pipeline.spec.worker)
        return TaskDesk(inbox, terms, self._watch_of, self._outlet)

    def _watch_of(self, assigned: Assigned, priority: int | None) -> Watch:
        """Who reads a task: with its own priority, and without credentials where the URL is not the source's own."""
        source = assigned.source
        followed = self._places[source.name].follows and source.growth == "append"
        if assigned.own and (priority is None or followed):
            return self._watches[source.name]
        site = self._watches[source.name].reader.site
        if not assigned.own:
            site = self._strange[source.name]
        return self._watch(source, site, _nothing, priority)

    def _given(self, source: Source) -> Around:
        around = self._around
        return Around(
            secrets=around.secrets,
            located=around.located,
            spool_folder=around.spool_folder,
            backoff=around.backoff,
            stop=self._outlet.stop,
            stack=self._stack,
            parts=source.partial == "accept",
        )

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
                self._room,
            ),
            format_of=self._format_of,
            settling=self._settling[source.name],
            table=self._pipeline.table,
            attempts=self._attempts,
        )
        reader = ObjectReader(terms, site, self._outlet)
        around = self._around
        follower = None
        if self._places[source.name].follows and terms.growing:
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
            self._places[source.name].covers,
            opens_at_once=self._places[source.name].path is not None,
            forgotten=self._forgotten(source, site),
        )

    def _forgotten(self, source: Source, site: Site) -> Forgotten | None:
        retention = self._pipeline.retention
        if retention is None or retention.objects is None:
            return None
        return Forgotten(source.name, site, self._outlet, self._places[source.name].covers, retention.objects.seconds)

    def _format_of(self, recorded: SourceObject) -> Format:
        """The format of the revision that an object was opened with."""
        if recorded.revision not in self._formats:
            document = self._outlet.ledger.spec(recorded.revision)
            self._formats[recorded.revision] = revision_from(document).format
        return self._formats[recorded.revision]


async def _nothing() -> list[Entry]:
    return []
