"""What is looked after every few seconds, however long the sources' intervals are: whether the ledger has gone back,
whether the queue agrees with itself, and whether it has lost a batch that the ledger waits for. Each costs a query
while nothing is wrong.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from dcp_fetcher.ground.ports import Keeper
from dcp_fetcher.ground.wall import in_thread
from dcp_fetcher.objects.forgotten import purge_old_dead
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.watch import Watch
from dcp_pipeline.database.errors import SinkBusy
from dcp_pipeline.ledger.model import SourceObject

log = logging.getLogger(__name__)

EVERY_SECONDS = 10.0
EXPIRING_SECONDS = 4.0
COUNTING_SECONDS = 2.0
"""A fifth of the time where a ledger of an older release is counted for the first time."""


class Caretaker:
    """Compares queue and ledger with each other, and the ledger with what is remembered of it."""

    def __init__(
        self,
        outlet: Outlet,
        watches: Mapping[str, Watch],
        save_revisions: Callable[[], None],
        keeper: Keeper,
        dead_seconds: float | None = None,
    ) -> None:
        """`dead_seconds`: how long the queue keeps the bytes of dead batches; None: for ever."""
        self._dead_seconds = dead_seconds
        self._outlet, self._watches, self._save_revisions, self._keeper = outlet, watches, save_revisions, keeper
        self._counted_up_to = 0
        self.rewinds = 0
        """How often the ledger was seen to have gone back: whoever has read something since is to look again."""

    async def look_back(self) -> None:
        """Has the ledger forgotten what it had committed? Then all that is served is to be compared with it again."""
        if await in_thread(self._outlet.patience, self._outlet.ledger.went_back):
            log.warning(
                "the database has gone back in time: commits that it had confirmed are gone; what it has forgotten is "
                "read again from its source"
            )
            await in_thread(self._save_revisions)
            self.rewinds += 1

    async def mend_queue(self) -> None:
        """Whose is the queue, and do its indexes agree with each other? Raises ForeignPipeline."""
        await in_thread(self._outlet.patience, self._outlet.queue.own)
        mended = await in_thread(self._outlet.patience, self._outlet.queue.mend)
        if mended.gone or mended.back:
            log.warning(
                "the queue had lost keys (is maxmemory-policy noeviction?): %d batches were put back, %d are gone and "
                "are read again where the ledger waits for them",
                mended.back,
                mended.gone,
            )

    async def find_lost(self) -> None:
        """Read again what is pending and not in the queue. Raises Stopped."""
        for lost in await in_thread(self._objects_with_lost_batches):
            watch = self._watches.get(lost.source)
            # Who is reading it now will find its own; and a source that the spec has no more cannot be asked.
            if watch is not None and lost.uri not in self._outlet.progress.snapshot().current_uris:
                await watch.again(lost.uri)

    async def count_settled(self) -> None:
        """Add what is settled to the totals, for some seconds at most: the next time goes on."""
        ledger, patience, until = self._outlet.ledger, self._outlet.patience, time.monotonic() + COUNTING_SECONDS
        while True:
            step = await in_thread(patience, lambda: ledger.count_settled(self._counted_up_to))
            self._counted_up_to = step.number
            if not step.number or time.monotonic() > until:
                return

    async def expire(self) -> None:
        """Take away what is old enough, for some seconds at most: the next time goes on."""
        await in_thread(self._outlet.patience, self._expire)
        if self._dead_seconds is not None:
            await in_thread(purge_old_dead, self._outlet, self._dead_seconds)

    def _expire(self) -> None:
        until = time.monotonic() + EXPIRING_SECONDS
        try:
            gone = self._keeper.step(enough=lambda: time.monotonic() > until)
        except SinkBusy as error:
            # Not waited for: behind an ALTER TABLE that waits, every worker would.
            log.info("partitions are made and dropped later, for somebody reads the table: %s", error)
            return
        if gone.rows or gone.partitions:
            log.info("%d rows have expired, and %d partitions were dropped", gone.rows, gone.partitions)
        if gone.rejects:
            log.info("%d rejects were forgotten", gone.rejects)

    def _objects_with_lost_batches(self) -> list[SourceObject]:
        patience, ledger = self._outlet.patience, self._outlet.ledger
        missing = self._missing()
        if missing:
            # The ledger was read before the queue: what was committed and acknowledged in between is not lost.
            missing &= self._missing()
        found = [patience(lambda id_=object_id: ledger.object(id_)) for object_id in {each for each, _ in missing}]  # type: ignore[misc]
        return [each for each in found if each is not None]

    def _missing(self) -> set[tuple[str, str]]:
        """(object, batch) of those that are pending in the ledger and unknown to the queue."""
        patience = self._outlet.patience
        pending = patience(self._outlet.ledger.pending_ids)
        if not pending:
            return set()
        present = patience(lambda: self._outlet.queue.present([batch_id for _, batch_id in pending]))
        return {each for each in pending if each[1] not in present}
