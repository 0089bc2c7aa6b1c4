"""One source: list it, look at every object, at most so many side by side."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from dcp_fetcher.follower import Follower
from dcp_fetcher.ground.errors import GoneError, TemporaryError, UnreachableError
from dcp_fetcher.ground.patience import Backoff
from dcp_fetcher.ground.wall import in_thread, reason_of
from dcp_fetcher.objects import Look, ObjectReader, Outcome
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.http.listing import shown_unchanged
from dcp_fetcher.sites.listing import Entry, name_of
from dcp_fetcher.sites.versions import CUT_SHORT, REREAD
from dcp_fetcher.unavailable import now_history
from dcp_pipeline.database.errors import LedgerConflict
from dcp_pipeline.ledger.model import ObjectState, SourceObject
from dcp_pipeline.texts import storable

log = logging.getLogger(__name__)

LONGEST_LISTING_SECONDS = 900.0
_NAMES_TOLD = 5


@dataclass(frozen=True)
class Round:
    """What one look at a source brought. `error`: why it could not be listed."""

    source: str
    looks: tuple[Look, ...] = ()
    error: str | None = None
    whole: bool = False
    """Whether all of the source was looked at."""

    def of(self, outcome: Outcome) -> list[Look]:
        """The looks that ended so."""
        return [look for look in self.looks if look.outcome is outcome]


@dataclass
class _Known:
    """What the ledger says about a source at the start of a round."""

    by_uri: dict[str, list[SourceObject]] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    """Object id -> uri."""


class Watch:
    """Looks at one source, whenever asked."""

    def __init__(
        self,
        source: str,
        list_entries: Callable[[], Awaitable[list[Entry]]],
        reader: ObjectReader,
        outlet: Outlet,
        slots: asyncio.Semaphore,
        side_by_side: int,
        backoff: Backoff,
        follower: Follower | None = None,
        covers: Callable[[str], bool] = lambda uri: False,
    ) -> None:
        """`covers`: would the listing name this uri, if it were there?"""
        self.source, self.reader = source, reader
        self._list, self._outlet, self._backoff = list_entries, outlet, backoff
        self._slots, self._side_by_side = slots, side_by_side
        self._follower = follower
        self._covers = covers
        self._left_out: frozenset[str] = frozenset()

    @property
    def settle_seconds(self) -> float:
        """How long an object must have stayed as it is to be taken so."""
        return self.reader.settle_seconds

    async def round(self) -> Round:
        """List the source and bring every object up to what is served. Raises Stopped."""
        with self._outlet.vitals.doing(f"source {self.source}, listing"):
            error, missing, listed = await self._listed()
        entries = self._named(self._meant(listed))
        self._outlet.progress.looked(self.source, len(entries), error)
        if self._follower is not None:
            looks = await self._follow(self._follower, entries) if error is None or missing else []
        else:
            known = await in_thread(self._known)
            listed_uris = {entry.url for entry in entries}
            if error is None:
                await in_thread(self._past, listed_uris, known)
            unlisted = await self._unlisted(listed_uris, known)
            looks = await self._look_at(self._due(entries, unlisted, known), known)
        if error is None:
            bad = [look for look in looks if look.outcome is Outcome.FAILED]
            error_shown = f"{bad[0].uri}: {bad[0].reason}" if bad else None
            self._outlet.progress.looked(self.source, len(entries), error_shown)
        return Round(self.source, tuple(looks), error, whole=error is None)

    async def _listed(self) -> tuple[str | None, bool, list[Entry]]:
        """(why it could not be listed, whether it is not there at all, what is listed)."""
        missing = False
        try:
            async with asyncio.timeout(LONGEST_LISTING_SECONDS):
                return None, False, await self._list()
        except TimeoutError:
            error = f"to list it took longer than {LONGEST_LISTING_SECONDS:.0f} s"
        except BaseException as failed:  # noqa: BLE001 (the wall)
            error, missing = reason_of(failed), isinstance(failed, GoneError)
        log.warning("source cannot be listed: %s", error, extra={"source": self.source})
        return error, missing, []

    def _past(self, listed: set[str], known: _Known) -> None:
        """What was unavailable before this round, and is listed no more, is history."""
        for uri, objects in known.by_uri.items():
            if uri not in listed and self._covers(uri):
                for each in objects:
                    if each.state is ObjectState.UNAVAILABLE and not (each.reason or "").startswith(CUT_SHORT):
                        now_history(self._outlet, each)

    def _meant(self, listed: list[Entry]) -> list[Entry]:
        """Without those of a kind that is left out by default, which are told once."""
        names = frozenset(entry.name for entry in listed if entry.left_out)
        if names - self._left_out:
            shown = ", ".join(sorted(names)[:_NAMES_TOLD]) + (", ..." if len(names) > _NAMES_TOLD else "")
            log.info(
                "%d files are left out, as their kind is unless a pattern of include names it: %s",
                len(names),
                storable(shown),
                extra={"source": self.source},
            )
        self._left_out = names
        return [entry for entry in listed if not entry.left_out]

    async def reconcile(self) -> Round:
        """Look at what is incomplete only: to finish it, and to enqueue again what the queue has lost."""
        known = await in_thread(self._known)
        if self._follower is not None:
            return await self.round() if known.incomplete else Round(self.source)
        due = await self._unlisted(set(), known)
        return Round(self.source, tuple(await self._look_at(iter(due), known)))

    def _named(self, listed: list[Entry]) -> list[Entry]:
        """By the names under which they are recorded; of two with one name the last."""
        named = [each if each.problem else replace(each, url=self.reader.site.named(each.url)) for each in listed]
        return list({each.url: each for each in named}.values())

    async def once_more(self, uris: Iterable[str]) -> Round:
        """Look at these objects once more."""
        if self._follower is not None:
            return await self.round()
        known = await in_thread(self._known)
        return Round(self.source, tuple(await self._look_at((Entry(uri, name_of(uri)) for uri in uris), known)))

    async def look(self, uri: str) -> Look:
        """Look at one object, by its URL."""
        if self._follower is not None:
            return await self._followed(uri, await self._entries(), self._follower)
        name = self.reader.site.named(uri)
        known = await in_thread(self._known_of, name, uri)
        return await self._look(Entry(name, name), known)

    async def again(self, uri: str) -> Look:
        """Look at an object that the queue has lost a batch of, beside whatever is being read. Raises Stopped."""
        if self._follower is not None:
            return await self._followed(uri, await self._entries(), self._follower)
        known = await in_thread(self._known_of, uri)
        with self._outlet.vitals.doing(uri):
            look = await in_thread(self._tried, Entry(uri, ""), known)
        return self._looked(look)

    async def _entries(self) -> list[Entry]:
        _, _, listed = await self._listed()
        return self._meant(listed)

    async def _follow(self, follower: Follower, entries: list[Entry]) -> list[Look]:
        refused = [Look(each.url, Outcome.FAILED, reason=each.problem) for each in entries if each.problem is not None]
        async with self._slots:
            with self._outlet.vitals.doing(f"source {self.source}, following"):
                looks = await in_thread(follower.look, [each for each in entries if each.problem is None])
        return [self._looked(look) for look in (*refused, *looks)]

    async def _followed(self, uri: str, entries: list[Entry], follower: Follower) -> Look:
        """A look at all of the source, for one of its files: which is which they tell together."""
        named = [] if any(each.url == uri for each in entries) else [Entry(uri, name_of(uri))]
        looks = await self._follow(follower, [*entries, *named])
        return next(
            (look for look in reversed(looks) if look.uri == uri), Look(uri, Outcome.FAILED, reason="it is not there")
        )

    def _known(self) -> _Known:
        ledger, patience = self._outlet.ledger, self._outlet.patience
        known = _Known()
        for each in patience(lambda: ledger.objects(self.source)):
            known.by_uri.setdefault(self.reader.site.recorded(each.uri), []).append(each)
        known.incomplete = self._incomplete()
        return known

    def _known_of(self, uri: str, *before: str) -> _Known:
        """What is known of one object, which may have been recorded under other names `before`."""
        ledger, patience = self._outlet.ledger, self._outlet.patience
        names = dict.fromkeys((uri, *before))
        objects = [each for name in names for each in patience(lambda name=name: ledger.objects(self.source, name))]  # type: ignore[misc]
        return _Known({uri: objects}, self._incomplete())

    def _incomplete(self) -> dict[str, str]:
        incomplete = self._outlet.patience(self._outlet.ledger.incomplete_objects)
        return {each.id: self.reader.site.recorded(each.uri) for each in incomplete if each.source == self.source}

    def _due(self, entries: list[Entry], unlisted: list[Entry], known: _Known) -> Iterator[Entry]:
        """What is listed unless it is seen to be unchanged, then the others."""
        for entry in entries:
            objects = known.by_uri.get(entry.url, [])
            settled = bool(objects) and not any(each.id in known.incomplete for each in objects)
            asked = bool(objects) and (objects[0].reason or "").startswith(REREAD)
            if settled and not asked and objects[0].state is ObjectState.CUT and shown_unchanged(entry, objects[0]):
                self._outlet.progress.count(unchanged=1)
                continue
            yield entry
        yield from unlisted

    async def _unlisted(self, listed: set[str], known: _Known) -> list[Entry]:
        """What is listed no more and has to be read all the same."""
        uris = [uri for uri in dict.fromkeys(known.incomplete.values()) if uri not in listed]
        return [Entry(uri, "") for uri in uris if await self._needs(uri, known)]

    async def _needs(self, uri: str, known: _Known) -> bool:
        """Is one of its objects being cut, or has the queue lost a batch of it?"""
        for each in known.by_uri.get(uri, []):
            if each.id in known.incomplete:
                if each.state is ObjectState.CUTTING:
                    return True
                cuts = await in_thread(self._outlet.patience, lambda id_=each.id: self._outlet.ledger.cuts(id_))
                if await in_thread(self._outlet.missing, cuts):
                    return True
        return False

    async def _look_at(self, entries: Iterator[Entry], known: _Known) -> list[Look]:
        looks: list[Look] = []

        async def take() -> None:
            # One shared iterator: whoever is free takes the next.
            looks.extend([await self._look(entry, known) for entry in entries])

        async with asyncio.TaskGroup() as group:
            for _ in range(self._side_by_side):
                group.create_task(take())
        return looks

    async def _look(self, entry: Entry, known: _Known) -> Look:
        if entry.problem is not None:
            return self._looked(Look(entry.url, Outcome.FAILED, reason=entry.problem))
        async with self._slots:
            self._outlet.stop.check()
            with self._outlet.vitals.doing(entry.url):
                look = await in_thread(self._tried, entry, known)
        return self._looked(look)

    def _looked(self, look: Look) -> Look:
        self._outlet.progress.count(**_COUNTED[look.outcome])
        level = logging.WARNING if look.outcome in (Outcome.FAILED, Outcome.UNAVAILABLE) else logging.INFO
        log.log(
            logging.DEBUG if look.outcome in (Outcome.UNCHANGED, Outcome.WAITING) else level,
            "%s: %s",
            look.outcome,
            look.uri,
            extra={"source": self.source, "reason": look.reason},
        )
        return look

    def _tried(self, entry: Entry, known: _Known) -> Look:
        uri, failures = entry.url, 0
        with self._outlet.progress.reading(uri):
            while True:
                try:
                    return self.reader.look(uri, known.by_uri.get(uri, []), frozenset(known.incomplete))
                except GoneError as error:
                    return Look(uri, Outcome.FAILED if entry.name else Outcome.UNAVAILABLE, reason=storable(str(error)))
                except BaseException as error:  # noqa: BLE001 (the wall)
                    if not isinstance(error, (TemporaryError, LedgerConflict)) or isinstance(error, UnreachableError):
                        return Look(uri, Outcome.FAILED, reason=reason_of(error))
                    failures += 1
                    if failures >= self._backoff.attempts:
                        return Look(uri, Outcome.FAILED, reason=f"{error} (tried {failures} times)")
                    self._pause(error, failures)
                    known = self._known_of(uri, *(each.uri for each in known.by_uri.get(uri, [])))

    def _pause(self, error: TemporaryError | LedgerConflict, failures: int) -> None:
        asked_seconds = None
        if isinstance(error, LedgerConflict):
            log.warning("the database lost commits, or another fetcher is at work; reading on from its end: %s", error)
        else:
            log.info("reading broke, starting again behind what is recorded: %s", error)
            asked_seconds = error.retry_after_seconds
        self._outlet.stop.wait(self._backoff.pause_seconds(failures, asked_seconds, random.random()))  # noqa: S311


_COUNTED: dict[Outcome, dict[str, int]] = {
    Outcome.CUT: {"cut": 1},
    Outcome.UNCHANGED: {"unchanged": 1},
    Outcome.WAITING: {},
    Outcome.UNAVAILABLE: {"failed": 1},
    Outcome.FAILED: {"failed": 1},
}
