"""The procedure for one object of a source: which version is served, what of it is known, what is to be read.

Runs in a thread, one object at a time. looks.py has what a look is about, records.py asks the ledger,
reading.py follows the bytes, unavailable.py gives up what cannot be had any more.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from contextlib import AbstractContextManager, closing, nullcontext

from dcp_fetcher.ground.errors import (
    ChangedError,
    CutOffError,
    DamagedError,
    DeadlyError,
    GoneError,
    NotRecordsError,
    TemporaryError,
)
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.objects.held import Holding, may_go_on, waits
from dcp_fetcher.objects.looks import Look, Outcome, SourceTerms, is_incomplete, is_settled
from dcp_fetcher.objects.records import Records, described_by
from dcp_fetcher.objects.together import Together
from dcp_fetcher.objects.unavailable import again_unavailable, clear_web_page, give_up, past
from dcp_fetcher.publishing.labels_judged import ObjectLabels, SourceLabels
from dcp_fetcher.publishing.publish import Outlet, Publisher
from dcp_fetcher.reading import Content, HowToCut, first_needed, read_object
from dcp_fetcher.settling import CUT_OFF, NO_LINE_END, UNENDED
from dcp_fetcher.sites.site import Opened, Site
from dcp_fetcher.sites.versions import (
    CHANGED,
    CUT_SHORT,
    GONE,
    REPLACED,
    WEB_PAGE,
    generation_of,
    growing_version,
    recorded_as,
)
from dcp_pipeline.ledger.model import ObjectState, SourceObject
from dcp_pipeline.spec.wanted_labels import WantedLabels
from dcp_pipeline.texts import storable

log = logging.getLogger(__name__)

VERSIONS_PER_LOOK = 3
"""How often one look starts over because other bytes came under a known token."""


class ObjectReader:
    """Looks at objects of one source."""

    def __init__(self, terms: SourceTerms, site: Site, outlet: Outlet) -> None:
        self.site = site
        self._terms, self._outlet = terms, outlet
        self._records = Records(terms, outlet)
        wanted = terms.how.labels or WantedLabels((), frozenset())
        self._labels = SourceLabels(terms.source, wanted, self._records.last_headers, outlet.progress)
        self.together = Together(terms, site, outlet, self._records, self._labels)
        self._holding = Holding(
            outlet, site, terms.settling, terms.table, terms.priority, self._records.how, self._labels_of
        )

    @property
    def settle_seconds(self) -> float:
        """How long a version must have stayed as it is to be taken so."""
        return self._terms.settling.seconds

    @property
    def how(self) -> HowToCut:
        """How objects are cut that are first read now."""
        return self._terms.how

    def begin_generation(
        self, uri: str, number: int, opened: Opened, lost: dict[str, frozenset[str]], ended: bool
    ) -> Look:
        """Read a growing file that no generation is known of. Raises what read_generation raises."""
        return self._begin(uri, number, opened, [], lost, ended)

    def read_generation(
        self, generation: SourceObject, opened: Opened, lost: dict[str, frozenset[str]], ended: bool
    ) -> Look:
        """Read on; `ended`: nobody writes to it any more, so that its last record needs no line end.

        Raises ChangedError where it is another file, NotRecordsError, TemporaryError, Stopped.
        """
        return self._read(generation, [], opened, lost, ended=ended)

    def look(self, uri: str, known: Sequence[SourceObject], incomplete: Container[str]) -> Look:
        """Bring the object up to what is served. `known`: its recorded versions, newest first; `incomplete`: the
        ids of those that are being cut or have pending batches.

        Raises RefusedError, TemporaryError or Stopped where that says nothing about the object; GoneError where it
        is not there, once what was incomplete of it is given up.
        """
        lost = self._records.lost([each for each in known if each.id in incomplete])
        look = self._grow if self._terms.growing else self._replace
        try:
            return look(uri, list(known), lost)
        except GoneError as error:
            for each in known:
                if is_incomplete(each, lost) and not (waits(each) and self._holding.take(each)):
                    give_up(self._outlet, each, f"{GONE}: {error}")
            raise
        except NotRecordsError as error:
            return self._web_page(uri, error)

    def lost(self, known: Sequence[SourceObject]) -> dict[str, frozenset[str]]:
        """Object id -> its pending batches that the queue does not know."""
        return self._records.lost(known)

    def _replace(self, uri: str, known: list[SourceObject], lost: dict[str, frozenset[str]]) -> Look:
        before = known
        for _ in range(VERSIONS_PER_LOOK):
            latest = known[0] if known else None
            waiting = latest is not None and self._waits_here(latest, lost)
            opened = self.site.open(uri, latest, latest is not None and (waiting or is_settled(latest, lost)))
            if opened is None and latest is not None and waiting:
                if (look := self._waited(latest)) is not None:
                    return look
                opened = self.site.open(uri, latest, settled=False)
            if opened is None:
                return self._unchanged(uri, known, lost, latest)
            with closing(opened.stream):
                served, version = recorded_as(opened.version, known)
                if served is not None and is_settled(served, lost):
                    self._records.described(served, opened)
                    clear_web_page(self._outlet, known)
                    return self._unchanged(uri, known, lost, served)
                if served is not None and self._waits_here(served, lost) and (look := self._waited(served)) is not None:
                    return look
                if served is None and (why := self._holding.withdraw(uri, latest, opened.version)) is not None:
                    return Look(uri, Outcome.WAITING, reason=why)
                wanted = served or self._records.new(uri, version, opened)
                try:
                    look = self._read(wanted, known, opened, lost)
                    if look.outcome is Outcome.CUT:
                        past(self._outlet, before, wanted)
                    return look
                except ChangedError as error:
                    give_up(self._outlet, self._records.recorded(wanted), f"{CHANGED}: {error}")
                    lost.pop(wanted.id, None)
                    known = self._outlet.patience(lambda: self._outlet.ledger.objects(self._terms.source, [uri]))
        return Look(uri, Outcome.FAILED, reason="it keeps changing while it is read")

    def _unchanged(
        self, uri: str, known: list[SourceObject], lost: dict[str, frozenset[str]], served: SourceObject | None
    ) -> Look:
        self._supersede(known, lost, served)
        if served is None:
            return Look(uri, Outcome.UNCHANGED)
        past(self._outlet, known, served)
        again_unavailable(self._outlet, served)
        return Look(uri, Outcome.UNCHANGED, served.id, served.reason)

    def _grow(self, uri: str, known: list[SourceObject], lost: dict[str, frozenset[str]]) -> Look:
        generation = 0
        latest = next((each for each in known if generation_of(each.version)), None)
        if latest is not None:
            generation, packed = generation_of(latest.version) or (0, False)
            try:
                return self._read_on(uri, latest, known, lost, packed)
            except ChangedError as error:
                self._end_generation(latest, lost, str(error))
                known = [each for each in known if each.id != latest.id]
        opened = self.site.open_growing(uri, None, 0)
        if opened is None:
            return Look(uri, Outcome.UNCHANGED)
        with closing(opened.stream):
            return self._begin(uri, generation + 1, opened, known, lost)

    def _begin(
        self,
        uri: str,
        number: int,
        opened: Opened,
        known: list[SourceObject],
        lost: dict[str, frozenset[str]],
        ended: bool | None = None,
    ) -> Look:
        """A generation of a growing file. Its name says what its content is, so it is counted by another."""
        plain = self._records.new(uri, growing_version(number, False, opened.version), opened)
        try:
            with self._terms.attempts.reading(plain.id, lambda: 0):
                content = self._content(opened, self._terms.how)
                content.halved = ended is not None  # a file that is followed
                version = growing_version(number, content.packed, opened.version)
                return self._read(self._records.new(uri, version, opened), known, opened, lost, content, ended)
        except DamagedError as error:
            return self._damaged(plain, opened, error, None, settled=True if ended is None else ended)

    def _read_on(
        self, uri: str, latest: SourceObject, known: list[SourceObject], lost: dict[str, frozenset[str]], packed: bool
    ) -> Look:
        """What was added. Raises ChangedError where the file, read from its first byte on, did not only grow."""
        offset = 0 if packed else first_needed(self._records.cuts(latest), lost.get(latest.id, frozenset()))
        whole = not offset
        try:
            opened = self.site.open_growing(uri, latest if is_settled(latest, lost) else None, offset)
            if opened is None:
                return Look(uri, Outcome.UNCHANGED, latest.id)
            whole = not opened.offset
            with closing(opened.stream):
                return self._read(latest, known, opened, lost)
        except ChangedError as error:
            if whole:
                raise
            log.info("%s: %s; it is compared from its first byte on", uri, error)
        opened = self.site.open_growing(uri, None, 0)
        if opened is None:
            return Look(uri, Outcome.UNCHANGED, latest.id)
        with closing(opened.stream):
            return self._read(latest, known, opened, lost)

    def _read(
        self,
        wanted: SourceObject,
        known: list[SourceObject],
        opened: Opened,
        lost: dict[str, frozenset[str]],
        content: Content | None = None,
        ended: bool | None = None,
    ) -> Look:
        """Read one version to its end; `ended` is of followed files.

        Raises ChangedError, NotRecordsError, TemporaryError, Stopped.
        """
        current, publisher, growing = wanted, None, self._terms.growing and not ended
        settled = bool(ended)
        if ended is None:
            settled = growing or self._terms.settling.settled(wanted.id, opened.age_seconds)
        try:
            with self._counted(wanted, content):
                content = content or self._content(opened, self._records.how(wanted))
                before = [each for each in known if each.id not in (wanted.id, *lost) and may_go_on(each)]
                self._supersede([each for each in known if each not in before], lost, wanted)
                seen = self._holding.continuations(before, content)
                current = self._records.recorded(wanted)
                cuts = self._records.cuts(current)
                publisher = self._publisher(current, content)
                publisher.recorded = len(cuts)  # of these and no later look: the ledger may have gone back in between
                missing = lost.get(current.id, frozenset()) | self._records.revived(current)
                held_back = growing or (not settled and content.may_grow)
                how = self._records.how(current)
                ending = read_object(content, publisher, cuts, missing, how, held_back)
        except DamagedError as error:
            return self._damaged(current, opened, error, publisher, settled)
        self._holding.conclude(seen)
        if ending.unended and held_back and not growing:
            self._records.described(publisher.object, opened)
            return Look(current.uri, Outcome.WAITING, current.id, self._holding.hold(publisher, ending.rest))
        self._terms.settling.forget(current.id)
        for warning in content.warnings:
            log.warning("%s: %s", current.uri, warning)
        unended = NO_LINE_END if growing else UNENDED
        said = ([unended] if ending.unended else []) + list(content.warnings)
        publisher.close(storable("; ".join(said)), **described_by(opened))
        clear_web_page(self._outlet, known)
        return Look(current.uri, Outcome.CUT, current.id)

    def _counted(self, wanted: SourceObject, content: Content | None) -> AbstractContextManager[None]:
        """Whoever dies while this is read is counted; what has a content already is by whoever opened it."""
        if content is not None:
            return nullcontext()
        return self._terms.attempts.reading(wanted.id, lambda: len(self._records.cuts(wanted)))

    def _damaged(
        self, read: SourceObject, opened: Opened, error: DamagedError, publisher: Publisher | None, settled: bool
    ) -> Look:
        """Raises TemporaryError where what is damaged may only be cut off."""
        if not opened.stream.end_known and not isinstance(error, DeadlyError):
            raise TemporaryError(str(error)) from error
        publisher = publisher or self._publisher(self._records.recorded(read))
        if isinstance(error, CutOffError) and not settled:
            return Look(read.uri, Outcome.WAITING, read.id, self._holding.hold(publisher, None, error))
        self._records.described(self._records.recorded(read), opened)
        why = f"{CUT_OFF}: {error}" if isinstance(error, CutOffError) else str(error)
        reason = give_up(self._outlet, read, storable(why), publisher.recorded)
        return Look(read.uri, Outcome.UNAVAILABLE, read.id, reason)

    def _waits_here(self, recorded: SourceObject, lost: dict[str, frozenset[str]]) -> bool:
        """Was it read in this process but for what waits?"""
        return waits(recorded) and recorded.id not in lost and self._terms.settling.knows(recorded.id)

    def _waited(self, recorded: SourceObject) -> Look | None:
        """It is still what it was: wait on, or take the rest. None: it has to be read again for that."""
        if not self._terms.settling.settled(recorded.id):
            return Look(recorded.uri, Outcome.WAITING, recorded.id, recorded.reason)
        if self._holding.holds_all(recorded) or not self._holding.take(recorded):
            return None
        return Look(recorded.uri, Outcome.CUT, recorded.id)

    def _publisher(self, recorded: SourceObject, content: Content | None = None) -> Publisher:
        labels = self._labels_of(recorded, content.met) if content is not None else None
        return Publisher(self._outlet, recorded, self._terms.priority, len(self._records.cuts(recorded)), labels)

    def _labels_of(self, recorded: SourceObject, met: LabelsMet | None = None) -> ObjectLabels:
        form = self._records.how(recorded).form
        return ObjectLabels(self._labels, met or LabelsMet(), form, self._terms.growing)

    def _content(self, opened: Opened, how: HowToCut) -> Content:
        opened.stream.on_bytes = self._outlet.read
        self._outlet.progress.opened(None if opened.size_bytes is None else opened.size_bytes - opened.offset)
        return Content(opened, how)

    def _supersede(
        self, known: Sequence[SourceObject], lost: dict[str, frozenset[str]], served: SourceObject | None
    ) -> None:
        """Other versions are served no more: what is incomplete of them will stay so."""
        for each in known:
            if (served is None or each.id != served.id) and is_incomplete(each, lost):
                if not (waits(each) and self._holding.take(each)):
                    give_up(self._outlet, each, REPLACED)
                lost.pop(each.id, None)

    def _end_generation(self, latest: SourceObject, lost: dict[str, frozenset[str]], why: str) -> None:
        log.info("%s: truncated, rotated or replaced (%s); a new generation begins", latest.uri, why)
        if is_incomplete(latest, lost):
            give_up(self._outlet, latest, f"{CUT_SHORT}: {why}")
            lost.pop(latest.id, None)

    def _web_page(self, uri: str, error: NotRecordsError) -> Look:
        page = self._records.recorded(self._records.new(uri, WEB_PAGE, None))
        why, ledger = str(error), self._outlet.ledger
        self._outlet.patience(lambda: ledger.update_object(page.id, state=ObjectState.UNAVAILABLE, reason=why))
        log.warning("object unavailable: %s", why, extra={"source": page.source, "uri": uri})
        return Look(uri, Outcome.UNAVAILABLE, page.id, why)
