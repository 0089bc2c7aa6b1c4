"""One source: list it, look at every object, at most so many side by side."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dcp_fetcher.catalogue import PAGE_OBJECTS, Catalogue, Known
from dcp_fetcher.following.follower import Follower
from dcp_fetcher.ground.errors import GoneError, TemporaryError, UnreachableError
from dcp_fetcher.ground.patience import Backoff
from dcp_fetcher.ground.wall import in_thread, reason_of
from dcp_fetcher.objects import Look, ObjectReader, Outcome
from dcp_fetcher.objects.forgotten import Forgotten
from dcp_fetcher.objects.together import AT_ONCE
from dcp_fetcher.objects.unavailable import now_history
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.http.listing import shown_unchanged
from dcp_fetcher.sites.listing import Entry, name_of
from dcp_fetcher.sites.versions import BACK, CUT_SHORT, REREAD
from dcp_pipeline.database.errors import LedgerConflict
from dcp_pipeline.ledger.model import ObjectState
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
        opens_at_once: bool = False,
        forgotten: Forgotten | None = None,
    ) -> None:
        """`covers`: would the listing name this uri, if it were there? `opens_at_once`: to open an object costs
        nothing, so that many may be read together one after the other. `forgotten`: None where nothing is."""
        self.source, self.reader = source, reader
        self._list, self._outlet, self._backoff = list_entries, outlet, backoff
        self._slots, self._side_by_side = slots, side_by_side
        self._follower = follower
        self._covers, self._opens_at_once = covers, opens_at_once
        self._left_out: frozenset[str] = frozenset()
        self._forgotten = forgotten
        self._catalogue = Catalogue(source, reader.site, outlet)

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
            listed_uris = {entry.url for entry in entries}
            if error is None:
                await in_thread(self._past, listed_uris)
                if self._forgotten is not None:
                    names = (self.reader.site.named(each.url) for each in listed if each.left_out)
                    await in_thread(self._forgotten.step, listed_uris.union(names))
            incomplete = await in_thread(self._catalogue.incomplete)
            gone = {id_: name for id_, name in incomplete.items() if name not in listed_uris}
            # What is listed is looked at anyway: of that it matters only where many are read together.
            matters = gone or (incomplete and self._opens_at_once)
            lost = await in_thread(self._outlet.lost) if matters else frozenset[str]()
            unlisted = await self._unlisted(gone, incomplete, lost)
            looks = await self._look_at(self._due(entries, unlisted, incomplete), lost)
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

    def _past(self, listed: set[str]) -> None:
        """What was unavailable before this round, and is listed no more, is history."""
        for each in self._catalogue.unavailable():
            name = self.reader.site.recorded(each.uri)
            if name not in listed and self._covers(name) and not (each.reason or "").startswith(CUT_SHORT):
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
        if self._follower is not None:
            return await self.round() if await in_thread(self._catalogue.incomplete) else Round(self.source)
        # Of all that wait is asked only where something is missing: they may be very many.
        lost = await in_thread(self._outlet.lost)
        if not lost and not await in_thread(self._cutting):
            return Round(self.source)
        incomplete = await in_thread(self._catalogue.incomplete)
        due = await self._unlisted(incomplete, incomplete, lost)
        return Round(self.source, tuple(await self._look_at(self._due((), due, incomplete), lost)))

    def _cutting(self) -> frozenset[str]:
        """The objects that are being cut."""
        return frozenset(each.id for each in self._outlet.patience(self._outlet.ledger.cutting_objects))

    def _named(self, listed: list[Entry]) -> list[Entry]:
        """By the names under which they are recorded; of two with one name the last."""
        named = [each if each.problem else replace(each, url=self.reader.site.named(each.url)) for each in listed]
        return list({each.url: each for each in named}.values())

    async def once_more(self, uris: Iterable[str]) -> Round:
        """Look at these objects once more."""
        if self._follower is not None:
            return await self.round()
        incomplete = await in_thread(self._catalogue.incomplete)
        entries = [Entry(uri, name_of(uri)) for uri in uris]
        return Round(self.source, tuple(await self._look_at(self._with_versions(entries, incomplete))))

    async def look(self, uri: str) -> Look:
        """Look at one object, by its URL."""
        if self._follower is not None:
            return await self._followed(uri, await self._entries(), self._follower)
        name = self.reader.site.named(uri)
        known = await in_thread(self._known_of, name)
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

    def _known_of(self, name: str) -> Known:
        """What is known of one object now."""
        return self._catalogue.known([name], self._catalogue.incomplete())

    async def _due(
        self, entries: Sequence[Entry], unlisted: Sequence[tuple[Entry, Known]], incomplete: Mapping[str, str]
    ) -> AsyncIterator[tuple[Entry, Known]]:
        """What is listed unless it is seen to be unchanged, then the others."""
        async for entry, known in self._with_versions(entries, incomplete):
            versions = known.of(entry.url)
            settled = bool(versions) and not any(each.id in incomplete for each in versions)
            asked = bool(versions) and (versions[0].reason or "").startswith(REREAD)
            if settled and not asked and versions[0].state is ObjectState.CUT and shown_unchanged(entry, versions[0]):
                self._outlet.progress.count(unchanged=1)
                continue
            yield entry, known
        for each in unlisted:
            yield each

    async def _with_versions(
        self, entries: Sequence[Entry], incomplete: Mapping[str, str]
    ) -> AsyncIterator[tuple[Entry, Known]]:
        """Each with what is recorded of it, which is asked for a page at a time."""
        for start in range(0, len(entries), PAGE_OBJECTS):
            page = entries[start : start + PAGE_OBJECTS]
            known = await in_thread(self._catalogue.known, [entry.url for entry in page], incomplete)
            for entry in page:
                yield entry, known

    async def _unlisted(
        self, gone: Mapping[str, str], incomplete: Mapping[str, str], lost: frozenset[str]
    ) -> list[tuple[Entry, Known]]:
        """Of what is incomplete and listed no more what has to be read all the same, with what is recorded of it."""
        if not gone:
            return []
        cutting = await in_thread(self._cutting)
        # Of the others nothing has to be known, and they may be very many.
        names = dict.fromkeys(name for id_, name in gone.items() if id_ in lost or id_ in cutting)
        entries = self._with_versions([Entry(name, "") for name in names], incomplete)
        return [(entry, known) async for entry, known in entries if _needs(entry.url, known, lost)]

    async def _look_at(self, due: AsyncIterator[tuple[Entry, Known]], lost: frozenset[str] = frozenset()) -> list[Look]:
        looks: list[Look] = []
        turn = asyncio.Lock()

        async def take() -> None:
            # One shared iterator: whoever is free takes the next.
            while True:
                async with turn:
                    new, other = await self._next(due, lost)
                if new:
                    looks.extend(await self._look_together(new))
                if other is not None:
                    looks.append(await self._look(*other))
                elif not new:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(self._side_by_side):
                group.create_task(take())
        return looks

    async def _next(
        self, due: AsyncIterator[tuple[Entry, Known]], lost: frozenset[str]
    ) -> tuple[list[tuple[Entry, Known]], tuple[Entry, Known] | None]:
        """(objects that may be read together, the next that may not)."""
        new: list[tuple[Entry, Known]] = []
        while self._opens_at_once and len(new) < AT_ONCE:
            each = await anext(due, None)
            if each is None or not _goes_with_others(*each, lost):
                return new, each
            new.append(each)
        return new, None if new else await anext(due, None)

    async def _look_together(self, new: Sequence[tuple[Entry, Known]]) -> list[Look]:
        """Those that are small in one go, the others one by one."""
        uris = {entry.url: next((each.id for each in known.of(entry.url)), None) for entry, known in new}
        async with self._slots:
            self._outlet.stop.check()
            with self._outlet.vitals.doing(f"source {self.source}, {len(uris)} small files"):
                looks = await in_thread(self.reader.together.look, uris) if len(uris) > 1 else []
        done = {look.uri for look in looks}
        self._tell(looks)
        return looks + [await self._look(entry, known) for entry, known in new if entry.url not in done]

    async def _look(self, entry: Entry, known: Known) -> Look:
        if entry.problem is not None:
            return self._looked(Look(entry.url, Outcome.FAILED, reason=entry.problem))
        async with self._slots:
            self._outlet.stop.check()
            with self._outlet.vitals.doing(entry.url):
                look = await in_thread(self._tried, entry, known)
        return self._looked(look)

    def _looked(self, look: Look) -> Look:
        self._tell([look])
        return look

    def _tell(self, looks: Sequence[Look]) -> None:
        """Count what came of them, and log it."""
        for outcome, number in Counter(look.outcome for look in looks).items():
            self._outlet.progress.count(**dict.fromkeys(_COUNTED[outcome], number))
        for look in looks:
            level = logging.WARNING if look.outcome in (Outcome.FAILED, Outcome.UNAVAILABLE) else logging.INFO
            told = look.outcome is Outcome.UNAVAILABLE and look.object_id is not None  # by who gave it up
            level = logging.DEBUG if told or look.outcome in (Outcome.UNCHANGED, Outcome.WAITING) else level
            if log.isEnabledFor(level):
                name = self._outlet.done.named(look.object_id, look.uri)
                log.log(level, "%s: %s", look.outcome, name, extra={"source": self.source, "reason": look.reason})

    def _tried(self, entry: Entry, known: Known) -> Look:
        uri, failures = entry.url, 0
        with self._outlet.progress.reading(uri):
            while True:
                try:
                    return self.reader.look(uri, known.of(uri), known.incomplete)
                except GoneError as error:
                    return Look(uri, Outcome.FAILED if entry.name else Outcome.UNAVAILABLE, reason=storable(str(error)))
                except BaseException as error:  # noqa: BLE001 (the wall)
                    if not isinstance(error, (TemporaryError, LedgerConflict)) or isinstance(error, UnreachableError):
                        return Look(uri, Outcome.FAILED, reason=reason_of(error))
                    failures += 1
                    if failures >= self._backoff.attempts:
                        return Look(uri, Outcome.FAILED, reason=f"{error} (tried {failures} times)")
                    self._pause(error, failures)
                    known = self._known_of(uri)

    def _pause(self, error: TemporaryError | LedgerConflict, failures: int) -> None:
        asked_seconds = None
        if isinstance(error, LedgerConflict):
            log.warning("the database lost commits, or another fetcher is at work; reading on from its end: %s", error)
        else:
            log.info("reading broke, starting again behind what is recorded: %s", error)
            asked_seconds = error.retry_after_seconds
        self._outlet.stop.wait(self._backoff.pause_seconds(failures, asked_seconds, random.random()))  # noqa: S311


def _goes_with_others(entry: Entry, known: Known, lost: frozenset[str]) -> bool:
    """Is nothing known of it, or one version only, that was read to its end and of which the queue has lost a batch?
    After a wipe that is so of all that wait."""
    versions = known.of(entry.url)
    if entry.problem is not None or len(versions) > 1:
        return False
    whole = all(each.state is ObjectState.CUT and each.id in lost for each in versions)
    return whole and not any((each.reason or "").startswith((REREAD, *BACK)) for each in versions)


def _needs(name: str, known: Known, lost: frozenset[str]) -> bool:
    """Is one of its objects being cut, or has the queue lost a batch of it?"""
    incomplete = [each for each in known.of(name) if each.id in known.incomplete]
    return any(each.state is ObjectState.CUTTING or each.id in lost for each in incomplete)


_COUNTED: dict[Outcome, tuple[str, ...]] = {
    Outcome.CUT: ("cut",),
    Outcome.UNCHANGED: ("unchanged",),
    Outcome.WAITING: (),
    Outcome.UNAVAILABLE: ("failed",),
    Outcome.FAILED: ("failed",),
}
