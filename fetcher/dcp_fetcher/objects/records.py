"""What the ledger has of one source's objects: asked for, and written down."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from dcp_fetcher.objects.looks import SourceTerms
from dcp_fetcher.publishing.publish import Outlet, Publisher
from dcp_fetcher.reading import HowToCut
from dcp_fetcher.sites.site import Opened
from dcp_fetcher.sites.versions import BACK
from dcp_pipeline.batch import object_id
from dcp_pipeline.ledger.model import BatchState, Cut, SourceObject

log = logging.getLogger(__name__)

HEADERS_REMEMBERED = 1000
"""Of how many of a source's last objects the labels count as those that it had."""


class Records:
    """Of the objects of one source."""

    def __init__(self, terms: SourceTerms, outlet: Outlet) -> None:
        self._terms, self._outlet = terms, outlet

    def lost(self, known: Sequence[SourceObject]) -> dict[str, frozenset[str]]:
        """Object id -> its pending batches that the queue does not know."""
        found = {}
        for each in known:
            missing = self._outlet.missing(self.cuts(each))
            if missing:
                # The ledger was read before the queue: what was committed and acknowledged in between is not lost.
                missing &= {cut.batch_id for cut in self.cuts(each) if cut.state is BatchState.CUT}
            if missing:
                found[each.id] = missing
        return found

    def revived(self, recorded: SourceObject) -> frozenset[str]:
        """What was given up because it was not served, now that it is served again. Other deaths stay."""
        if not (recorded.reason or "").startswith(BACK):
            return frozenset()
        ledger = self._outlet.ledger
        dead = [
            each.batch_id
            for each in self._outlet.patience(ledger.dead_batches)
            if each.object_id == recorded.id and each.reason.startswith(BACK)
        ]
        if dead:
            log.info("served again: %d batches that were given up are read once more", len(dead))
            self._outlet.patience(lambda: ledger.revive(dead))
        return frozenset(dead)

    def described(self, recorded: SourceObject, opened: Opened) -> None:
        """Write down what is served now, by which the next look sees whether it has changed."""
        given = described_by(opened)
        if any(getattr(recorded, name) != value for name, value in given.items() if value):
            Publisher(self._outlet, recorded, self._terms.priority).update(**given)

    def new(self, uri: str, version: str, opened: Opened | None) -> SourceObject:
        """A version that is not in the ledger yet."""
        terms = self._terms
        return SourceObject(
            id=object_id(terms.pipeline, terms.source, uri, version),
            pipeline=terms.pipeline,
            source=terms.source,
            uri=uri,
            version=version,
            revision=terms.revision,
            etag=opened.etag if opened else None,
            last_modified=opened.last_modified if opened else None,
            size_bytes=opened.size_bytes if opened else None,
        )

    def recorded(self, wanted: SourceObject) -> SourceObject:
        """As the ledger has it, from now on at least."""
        return self._outlet.patience(lambda: self._outlet.ledger.open_object(wanted))

    def last_headers(self) -> list[tuple[str, ...]]:
        """The labels of the source's last objects."""
        ledger, source = self._outlet.ledger, self._terms.source
        return self._outlet.patience(lambda: ledger.last_headers(source, HEADERS_REMEMBERED))

    def cuts(self, recorded: SourceObject) -> list[Cut]:
        """In their order."""
        return self._outlet.patience(lambda: self._outlet.ledger.cuts(recorded.id))

    def how(self, recorded: SourceObject) -> HowToCut:
        """An object is read to its end with the format of the revision that it was opened with."""
        form = self._outlet.patience(lambda: self._terms.format_of(recorded))
        return replace(self._terms.how, form=form) if form else self._terms.how


def described_by(opened: Opened) -> dict[str, object]:
    """What is served now, by which the next look sees whether it has changed."""
    size: dict[str, object] = {"size_bytes": opened.size_bytes}
    if not opened.stream.end_known:  # The next look has to read it, whatever the server says of it.
        return size
    return size | {"etag": opened.etag, "last_modified": opened.last_modified}
