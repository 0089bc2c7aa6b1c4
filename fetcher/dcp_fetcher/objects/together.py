"""Many small files that are new: read one after the other, recorded in one transaction, enqueued by one call.

Only what needs no second thought goes this way: a version that nothing is known of, small, whole, of one pass; or one
that was recorded so, and that the queue may have lost. Whatever is otherwise (damage, a last record that may grow,
labels that are refused, an object that stands there otherwise) is left to reader.py, which then begins with it anew:
nothing of it was recorded. The order is the same: the ledger, then the queue.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from msgspec.structs import replace

from dcp_fetcher.ground.errors import Stopped
from dcp_fetcher.objects.looks import Look, Outcome, SourceTerms
from dcp_fetcher.objects.records import Records, described_by
from dcp_fetcher.publishing.labels_judged import ObjectLabels, SourceLabels
from dcp_fetcher.publishing.publish import GROUP_BATCHES, Outlet, Publisher
from dcp_fetcher.reading import Content, HowToCut, read_object
from dcp_fetcher.settling import UNENDED
from dcp_fetcher.sites.site import Opened, Site
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.queue.model import Job
from dcp_pipeline.texts import storable

log = logging.getLogger(__name__)

SMALL_BYTES = 64 * 1024
"""Larger ones are worth a transaction of their own."""
AT_ONCE = 256
"""So many files are read before any of them is recorded: what a killed fetcher reads again."""
MOST_BYTES = 4 * 1024 * 1024
"""Of what was read so far; then it is recorded."""
LONGEST_SECONDS = 2.0
"""A slow disk has what was read so far recorded."""


class _NotSmall(Exception):
    """It is to be read by itself after all."""


@dataclass(frozen=True)
class Whole:
    """An object that was read to its end: as it is to be recorded, and its batches."""

    found: SourceObject
    cuts: tuple[Cut, ...]
    jobs: tuple[Job, ...]
    began: float
    """Monotonic seconds."""
    again: bool = False
    """It was recorded before, and the queue may have lost its batches."""


class _Gatherer(Publisher):
    """Keeps in memory what a Publisher records and enqueues."""

    def flush(self) -> None:
        if len(self._jobs) >= GROUP_BATCHES:
            raise _NotSmall

    def update(self, **changes: object) -> None:
        given = {name: value for name, value in changes.items() if value is not None and name != "having_cuts"}
        self.object = replace(self.object, **given)

    def whole(self, reason: str, opened: Opened, again: bool) -> Whole:
        """The object, read to its end."""
        given = {name: value for name, value in described_by(opened).items() if value is not None}
        said = self.with_remark(reason) or None
        found = replace(self.object, state=ObjectState.CUT, reason=said, **given)
        return Whole(found, tuple(self._cuts), tuple(self._jobs), self._began, again)


class Together:
    """Reads new small files of one source together."""

    def __init__(self, terms: SourceTerms, site: Site, outlet: Outlet, records: Records, labels: SourceLabels) -> None:
        self._terms, self._site, self._outlet = terms, site, outlet
        self._records, self._labels = records, labels

    def look(self, uris: Mapping[str, str | None]) -> list[Look]:
        """A look for each of these that went this way; the others are to be looked at one by one. Beside each stands
        the only version that is known of it, where there is one: read to its end, with batches that are not settled.
        Raises Stopped, and what patience does not wait for."""
        if self._terms.growing or self._terms.how.form.held_whole:
            return []
        looks: list[Look] = []
        left = iter(uris.items())
        while whole := self._read(left):
            looks += self._published(whole)
        return looks

    def _published(self, whole: Sequence[Whole]) -> list[Look]:
        ledger, queue = self._outlet.ledger, self._outlet.queue
        wanted = [(each.found, each.cuts) for each in whole]
        recorded = self._outlet.patience(lambda: ledger.record_whole(wanted))
        mine = [each for each in whole if each.found.id in recorded]
        self._tell_recorded([each for each in mine if not each.again])
        missing = self._missing([job.id for each in mine if each.again for job in each.jobs])
        jobs = [job for each in mine for job in each.jobs if not each.again or job.id in missing]
        if jobs:
            self._outlet.patience(lambda: queue.enqueue(jobs))
        for job in jobs:
            self._outlet.observer(Phase.ENQUEUED, job.id)
        self._outlet.vitals.alive("enqueued")
        self._outlet.wait_for_room()
        return [Look(each.found.uri, _outcome(each, missing), each.found.id) for each in mine]

    def _missing(self, ids: Sequence[str]) -> frozenset[str]:
        """Those that the queue does not know; one that is settled by now does no harm there."""
        return frozenset(ids) - self._outlet.patience(lambda: self._outlet.queue.present(ids)) if ids else frozenset()

    def _read(self, uris: Iterator[tuple[str, str | None]]) -> list[Whole]:
        """Those of the next ones that are read so; none where there are no more."""
        until, found, held_bytes = time.monotonic() + LONGEST_SECONDS, list[Whole](), 0
        for uri, known_id in uris:
            self._outlet.stop.check()
            try:
                with self._outlet.progress.reading(uri):
                    whole = self._read_one(uri, known_id)
            except Stopped:
                raise
            except Exception as error:  # noqa: BLE001 (whatever it is, reader.py meets it again and tells it)
                log.debug("read by itself", extra={"uri": uri, "why": f"{type(error).__name__}: {error}"})
                continue
            if whole is not None:
                found.append(whole)
                held_bytes += whole.found.size_bytes or 0
            if found and (held_bytes > MOST_BYTES or time.monotonic() > until):
                break
        return found

    def _read_one(self, uri: str, known_id: str | None) -> Whole | None:
        opened = self._site.open(uri, None, settled=False)
        if opened is None:
            return None
        with closing(opened.stream):
            if opened.size_bytes is None or opened.size_bytes > SMALL_BYTES or opened.offset:
                return None
            wanted = self._records.new(uri, opened.version, opened)
            if known_id not in (None, wanted.id) or self._terms.attempts.suspected(wanted.id):
                return None
            # Whoever dies of it is to be remembered here, too: or it would be read so, and be died of, for ever.
            with self._terms.attempts.reading(wanted.id, lambda: 0):
                return self._read_whole(uri, wanted, opened, known_id is not None)

    def _read_whole(self, uri: str, wanted: SourceObject, opened: Opened, again: bool) -> Whole | None:
        how = self._terms.how
        opened.stream.on_bytes = self._outlet.read
        self._outlet.progress.opened(opened.size_bytes)
        content = Content(opened, how)
        settled = self._terms.settling.settled(wanted.id, opened.age_seconds)
        held_back = not settled and content.may_grow
        gatherer = self._gatherer(wanted, content, how)
        ending = read_object(content, gatherer, [], frozenset(), how, held_back)
        if ending.unended and held_back:
            return None
        for warning in content.warnings:
            log.warning("%s: %s", uri, warning)
        said = ([UNENDED] if ending.unended else []) + list(content.warnings)
        return gatherer.whole(storable("; ".join(said)), opened, again)

    def _gatherer(self, wanted: SourceObject, content: Content, how: HowToCut) -> _Gatherer:
        labels = ObjectLabels(self._labels, content.met, how.form, growing=False)
        return _Gatherer(self._outlet, wanted, self._terms.priority, 0, labels)

    def _tell_recorded(self, mine: Sequence[Whole]) -> None:
        outlet = self._outlet
        for each in mine:
            self._terms.settling.forget(each.found.id)
            for cut in each.cuts:
                outlet.observer(Phase.CUT, cut.batch_id)
            outlet.traces.cut(each.found, each.cuts, each.began)
            if each.cuts:
                outlet.traces.read(each.found, each.began)
            outlet.done.cut(each.found.id, each.began)
        records = sum(cut.records for each in mine for cut in each.cuts)
        if records:
            outlet.progress.count(records_cut=records)
            outlet.progress.brought_news(self._terms.source)


def _outcome(each: Whole, missing: frozenset[str]) -> Outcome:
    """Of one that was recorded before, whether the queue had lost any of it."""
    return Outcome.UNCHANGED if each.again and not any(job.id in missing for job in each.jobs) else Outcome.CUT
