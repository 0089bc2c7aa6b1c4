"""What becomes of versions whose last record has no line end: held back, taken as it is, or the next one's beginning.

A version that grew is another version, read whole. What the one before it left waiting stands in it; what was taken
from the one before as its last record, after it had settled, is withdrawn before anything of the next is cut: its row
would shadow the whole record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import closing

from dcp_fetcher.ground.errors import ChangedError, DamagedError, NotRecordsError, TemporaryError
from dcp_fetcher.objects.unavailable import give_up
from dcp_fetcher.publishing.labels_judged import LabelsRefused, ObjectLabels
from dcp_fetcher.publishing.publish import Outlet, Publisher
from dcp_fetcher.reading import Content, HowToCut, cut_rest, first_unended
from dcp_fetcher.settling import CONTINUED, CUT_OFF, HELD, UNENDED, WAITING, Continuation, Rest, Settling
from dcp_fetcher.sites.site import Site
from dcp_fetcher.sites.versions import REPLACED
from dcp_pipeline.ledger.model import BatchState, Cut, ObjectState, SourceObject

log = logging.getLogger(__name__)


def waits(recorded: SourceObject) -> bool:
    """Is it read but for what may still change?"""
    return recorded.state is ObjectState.CUTTING and (recorded.reason or "").startswith(WAITING)


def may_go_on(recorded: SourceObject) -> bool:
    """May another version begin with this one, of which the end is missing?"""
    cut_off = recorded.state is ObjectState.UNAVAILABLE and (recorded.reason or "").startswith(CUT_OFF)
    return cut_off or waits(recorded)


class Holding:
    """What is held back of one source's objects."""

    def __init__(
        self,
        outlet: Outlet,
        site: Site,
        settling: Settling,
        table: str,
        priority: int,
        how_of: Callable[[SourceObject], HowToCut],
        labels_of: Callable[[SourceObject], ObjectLabels],
    ) -> None:
        self._outlet, self._site, self._table, self._priority = outlet, site, table, priority
        self.settling, self._how_of, self._labels_of = settling, how_of, labels_of

    def hold(self, publisher: Publisher, rest: Rest | None, cut_off: DamagedError | None = None) -> str:
        """Leave the object to be looked at again; the reason."""
        found = publisher.object
        if cut_off is not None:
            reason = f"{CUT_OFF}, or still being written: {cut_off}"
        elif rest is not None:
            reason = f"{HELD}: {len(rest.raw)} bytes from byte {rest.start} on, until it has settled"
            self.settling.hold(found.id, rest)
        else:
            reason = f"{HELD}, until it has settled"
        reason = publisher.with_remark(reason)
        if (found.state, found.reason) != (ObjectState.CUTTING, reason):
            publisher.update(state=ObjectState.CUTTING, reason=reason, having_cuts=publisher.recorded)
            log.info("%s: %s", found.uri, reason, extra={"source": found.source})
        return reason

    def holds_all(self, recorded: SourceObject) -> bool:
        """Was nothing of it cut yet? Then its labels are not judged either."""
        rest = self.settling.rest(recorded.id)
        return rest is not None and rest.at is None

    def take(self, recorded: SourceObject) -> bool:
        """Cut what was held back as the last record that it is; False where it has to be read again for that, or has
        other labels than it should."""
        rest = self.settling.rest(recorded.id)
        if rest is None:
            return False
        self.settling.forget(recorded.id)  # a ledger that has gone back wants it read again
        cuts, labels = (rest.at.sequence, None) if rest.at else (0, self._labels_of(recorded))
        publisher = Publisher(self._outlet, recorded, self._priority, cuts, labels)
        try:
            cut_rest(rest, publisher, self._how_of(recorded))
        except LabelsRefused as error:
            log.warning("%s: %s", recorded.uri, error, extra={"source": recorded.source})
            return False
        publisher.close(UNENDED)
        return True

    def continuations(
        self, others: Sequence[SourceObject], content: Content
    ) -> list[tuple[SourceObject, Continuation]]:
        """Those that wait, each to be seen in the version that is now read."""
        found = []
        for each in others:
            continuation = Continuation(self._cuts(each), self.settling.rest(each.id))
            content.watchers.append(continuation.see)
            found.append((each, continuation))
        return found

    def conclude(self, seen: Sequence[tuple[SourceObject, Continuation]]) -> None:
        """The next version is read. Where it does not begin with one that waits, that one had come to its end."""
        for each, continuation in seen:
            if continuation.proven:
                self._close(each, CONTINUED)
            elif each.state is ObjectState.CUTTING and not self.take(each):
                give_up(self._outlet, each, REPLACED)
            self.settling.forget(each.id)

    def withdraw(self, uri: str, before: SourceObject | None, version: str) -> str | None:
        """Take back what was taken as the last record of the version before, where `version` begins with that one and
        goes on behind it; a reason to wait.

        To be called before anything of `version` is cut. Raises TemporaryError where the source changes meanwhile.
        """
        if before is None or before.state is not ObjectState.CUT or not (before.reason or "").startswith(UNENDED):
            return None
        cuts = self._cuts(before)
        first = self._unended_in(uri, before, cuts, version) if cuts else None
        if first is None:
            return None
        halves = [cut for cut in cuts if cut.first_record + cut.records > first]
        if any(cut.state is BatchState.CUT for cut in halves):
            return "it goes on inside the last record of the version before, which is still on its way to the table"
        ledger = self._outlet.ledger
        for cut in halves:
            taken = self._outlet.patience(lambda id_=cut.batch_id: ledger.withdraw_records(self._table, id_, first))  # type: ignore[misc]
            log.info("%s: withdrawn from record %d on: %d, the beginning of another", uri, first, taken)
        self._close(before, CONTINUED)
        return None

    def _unended_in(self, uri: str, before: SourceObject, cuts: list[Cut], version: str) -> int | None:
        """The first record of the version before that has no end there; None where `version` does not go on behind."""
        opened = self._site.open(uri, None, settled=False)
        if opened is None:
            return None
        with closing(opened.stream):
            if opened.version != version:
                raise TemporaryError(f"{uri} changed between two requests")
            try:
                how = self._how_of(before)
                return first_unended(Content(opened, how), cuts, how)
            except (ChangedError, DamagedError, NotRecordsError):
                return None

    def _close(self, recorded: SourceObject, reason: str) -> None:
        ledger, id_ = self._outlet.ledger, recorded.id
        self._outlet.patience(lambda: ledger.update_object(id_, state=ObjectState.CUT, reason=reason))

    def _cuts(self, recorded: SourceObject) -> list[Cut]:
        return self._outlet.patience(lambda: self._outlet.ledger.cuts(recorded.id))
