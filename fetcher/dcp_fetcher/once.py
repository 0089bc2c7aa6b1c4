"""`--once`: all that is listed, the inbox, what may still change, what is on its way, until nothing is left to do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from dcp_fetcher.caretaker import Caretaker
from dcp_fetcher.ground.wall import in_thread
from dcp_fetcher.objects import Look, Outcome
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.tasks.desk import TaskDesk
from dcp_fetcher.watch import Round, Watch

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
RECONCILE_EVERY_SECONDS = 2.0
MANY = 1000
"""Where so many batches wait, their end is looked for once a second only: a look costs what some small files do."""
TELL_EVERY_POLLS = 5
BEAT_SECONDS = 1.0
SETTLED_AT_MOST = 2
"""How often `once` waits for settle: for what is being written when it looks, and once more for what it then became."""


class Once:
    """One such run. `rounds` gets what came of each look; `settle`: until the workers are done, too."""

    def __init__(
        self,
        outlet: Outlet,
        watches: list[Watch],
        desk: TaskDesk | None,
        caretaker: Caretaker,
        rounds: list[Round],
        settle: bool,
    ) -> None:
        self._outlet, self._watches, self._desk, self._caretaker = outlet, watches, desk, caretaker
        self._rounds, self._settle = rounds, settle
        self._pending = 0

    async def until_done(self) -> None:
        """Look at every source until nothing is missing or still to settle. Raises Stopped."""
        seen = -1
        while self._caretaker.rewinds > seen:
            seen = self._caretaker.rewinds
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(each.round()) for each in self._watches]
            self._rounds[:] = [each.result() for each in running]
            await self._written()
            await self._settled()
            await self._caretaker.look_back()
        await self._caretaker.expire()
        await self._caretaker.count_settled()

    async def _settled(self) -> None:
        polls, reconciled, resting_seconds = 0, time.monotonic(), RECONCILE_EVERY_SECONDS
        with self._outlet.vitals.doing("what is on its way"):
            while await self._unfinished():
                polls += 1
                if self._settle and (begun := time.monotonic()) - reconciled >= resting_seconds:
                    await self._caretaker.mend_queue()
                    self._rounds += [await each.reconcile() for each in self._watches]
                    # Of many that wait each is asked for: not more than a tenth of the time.
                    reconciled = time.monotonic()
                    resting_seconds = max(RECONCILE_EVERY_SECONDS, 10 * (reconciled - begun))
                if polls % TELL_EVERY_POLLS == 0:
                    await tell_done(self._outlet)
                self._outlet.vitals.alive("waits for what is on its way")
                await self._outlet.stop.sleep(POLL_SECONDS if self._pending < MANY else BEAT_SECONDS)

    async def _written(self) -> None:
        """Give what may still change the time to settle, twice; what changes even then is told as a problem."""
        for _ in range(SETTLED_AT_MOST):
            waiting = {watch: [look.uri for look in waiting_in(self._rounds, watch.source)] for watch in self._watches}
            due = [(watch, uris) for watch, uris in waiting.items() if uris]
            if not due:
                return
            for watch, _ in due:
                log.info("waiting %.1f s for what may still be written", watch.settle_seconds)
            await self._rest(max(watch.settle_seconds for watch, _ in due))
            self._rounds += [await watch.once_more(uris) for watch, uris in due]

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self._outlet.vitals.alive("waits for files to settle")
            await self._outlet.stop.sleep(min(BEAT_SECONDS, seconds))
            seconds -= BEAT_SECONDS

    async def _unfinished(self) -> bool:
        if self._desk is not None:
            state = await self._desk.run_once()
            if state.to_read or (self._settle and state.open):
                return True
        if not self._settle:
            return False
        self._pending = await in_thread(self._outlet.patience, self._outlet.ledger.pending_batches)
        return bool(self._pending)


async def tell_done(outlet: Outlet) -> None:
    """Log what has become of the objects that are done by now."""
    ledger, patience = outlet.ledger, outlet.patience
    await in_thread(outlet.done.tell, lambda ids: patience(lambda: ledger.books_of(ids)))


def waiting_in(rounds: Sequence[Round], source: str | None = None) -> list[Look]:
    """What waited when it was last looked at."""
    last: dict[str, dict[str, list[Look]]] = {}
    for each in rounds:
        before = {} if each.whole else last.get(each.source, {})
        now: dict[str, list[Look]] = {}
        for look in each.looks:
            now.setdefault(look.uri, []).append(look)
        last[each.source] = before | now
    wanted = [looks for name, looks in last.items() if source in (None, name)]
    return [look for by_uri in wanted for some in by_uri.values() for look in some if look.outcome is Outcome.WAITING]
