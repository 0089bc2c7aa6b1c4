"""What the ledger need not remember for ever: `retention.objects` and `retention.dead`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.site import Site
from dcp_pipeline.ledger.model import Standing

log = logging.getLogger(__name__)

MOST_SECONDS = 2.0
"""Of a look: the next one goes on."""
_LETTERS = 100


class Forgotten:
    """Has the ledger forget a source's files that are listed no more, once nothing is left of them."""

    def __init__(
        self, source: str, site: Site, outlet: Outlet, covers: Callable[[str], bool], keep_seconds: float
    ) -> None:
        """`covers`: would the listing name this uri, if it were there?"""
        self._source, self._site, self._outlet, self._covers = source, site, outlet, covers
        self._keep, self._after = timedelta(seconds=keep_seconds), 0

    def step(self, listed: set[str]) -> int:
        """After a whole listing: how many were forgotten. Begins at the oldest again when it has come to the end."""
        patience, ledger, until = self._outlet.patience, self._outlet.ledger, time.monotonic() + MOST_SECONDS
        before = before_of(patience(ledger.now), self._keep)
        forgotten = 0
        while True:
            page = patience(lambda: ledger.old_objects(self._source, before, self._after))
            self._after = page[-1][0] if page else 0
            gone = [id_ for _, id_, uri in page if self._is_gone(uri, listed)]
            if gone:
                forgotten += patience(lambda ids=gone: ledger.forget_objects(ids, before))  # type: ignore[misc]
            if not page or time.monotonic() > until:
                break
        if forgotten:
            log.info("%d files of which nothing is left are forgotten", forgotten, extra={"source": self._source})
        return forgotten

    def _is_gone(self, uri: str, listed: set[str]) -> bool:
        name = self._site.recorded(uri)
        return name not in listed and self._covers(name)


def before_of(now: datetime, keep: timedelta) -> datetime:
    """What was before it is too old, by the earlier of the database's clock and ours: one that is wrong deletes
    nothing."""
    return min(now, datetime.now(UTC).replace(tzinfo=None)) - keep


def purge_old_dead(outlet: Outlet, keep_seconds: float) -> int:
    """Take the bytes of batches that died so long ago out of the queue; how many. The ledger has them as dead, as
    before, and `dcp dead requeue` has them read again: what it does not know to be dead stays."""
    before = before_of(outlet.patience(outlet.ledger.now), timedelta(seconds=keep_seconds)).replace(tzinfo=UTC)
    purged = kept = 0
    while True:
        letters = outlet.patience(lambda at=kept: outlet.queue.dead_letters(at, _LETTERS))  # type: ignore[misc]
        old = [each.id for each in letters if each.died_at < before]
        gone = _purged(outlet, old)
        purged, kept = purged + gone, kept + len(old) - gone
        if len(old) < _LETTERS:
            break
    if purged:
        log.info("the bytes of %d dead batches are kept no longer", purged)
    return purged


def _purged(outlet: Outlet, old: Sequence[str]) -> int:
    if not old:
        return 0
    standings = outlet.patience(lambda: outlet.ledger.standings(old))
    dead = [each for each in old if standings.get(each) is Standing.DEAD]
    return outlet.patience(lambda: outlet.queue.purge_dead(dead)) if dead else 0
