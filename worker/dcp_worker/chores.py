"""What a worker process does beside its batches: shows its vitals, and tells the ledger of deaths.

A batch that took its worker with it is declared dead by the queue, in whichever worker's claim comes next. Only the
ledger remembers it for good, so every process looks through the dead letters for those it does not know yet.
"""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import redis

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.ledger.model import Standing
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.queue import DeadLetter, WorkerVitals
from dcp_worker.verdicts import Tally

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 2.0
_PAGE = 100
_ALL_EVERY_RUNS = 15


class ChoresQueue(Protocol):
    """The queue, as the chores use it."""

    def beat(self, worker: str, vitals: WorkerVitals, ttl_seconds: float = ...) -> None: ...
    def dead_letters(self, offset: int = 0, limit: int = 100) -> list[DeadLetter]: ...
    def owner(self) -> str | None: ...
    def requeue_dead(self, ids: Sequence[str]) -> int: ...
    def purge_dead(self, ids: Sequence[str]) -> int: ...


class Graveyard(Protocol):
    """The ledger, as the undertaker uses it."""

    @property
    def pipeline(self) -> str: ...
    def mark_dead(self, batch_id: str, reason: str, attempts: int) -> bool: ...
    def standings(self, batch_ids: Sequence[str]) -> dict[str, Standing]: ...
    def requeued(self, batch_ids: Sequence[str]) -> None: ...


class Undertaker:
    """Makes the queue's dead and the ledger's the same. Either may have gone back in time, and `dcp dead requeue` may
    have ended between the two.

    Dead in the queue, and in the ledger pending: given up there too; revived: requeued; done or unknown: dropped.
    """

    def __init__(self, queue: ChoresQueue, ledger: Graveyard) -> None:
        self._queue, self._ledger = queue, ledger
        self._seen: frozenset[str] = frozenset()
        self._runs = 0

    def run_once(self) -> int:
        """How many deaths the ledger did not know. Letters seen before are compared again once in a while."""
        letters: list[DeadLetter] = []
        while page := self._queue.dead_letters(len(letters), _PAGE):
            letters += page
        self._runs += 1
        known = frozenset() if self._runs % _ALL_EVERY_RUNS == 1 else self._seen
        new = [each for each in letters if each.id not in known]
        self._seen = frozenset(each.id for each in letters)
        if not new or self._queue.owner() not in (None, self._ledger.pipeline):
            return 0
        return self._compare(new)

    def _compare(self, letters: Sequence[DeadLetter]) -> int:
        standings = self._ledger.standings([each.id for each in letters])
        revived = [each.id for each in letters if standings.get(each.id) is Standing.REVIVED]
        if revived:
            self._queue.requeue_dead(revived)
            self._ledger.requeued(revived)
            log.info("a requeue that was interrupted is carried out", extra={"batches": revived})
        obsolete = [each.id for each in letters if standings.get(each.id) in (None, Standing.DONE)]
        if obsolete:
            self._queue.purge_dead(obsolete)
            log.info("dead in the queue, and done or unknown in the ledger: dropped", extra={"batches": obsolete})
        return sum(self._record(each) for each in letters if standings.get(each.id) is Standing.CUT)

    def _record(self, letter: DeadLetter) -> bool:
        learnt = self._ledger.mark_dead(letter.id, letter.reason, letter.attempts + letter.crashes)
        if learnt:
            log.error("batch is dead", extra={"batch": letter.id, "crashes": letter.crashes, "why": letter.reason})
        return learnt


class Chores:
    """A thread that does the chores every few seconds: start, run_once, stop."""

    def __init__(
        self,
        worker_id: str,
        queue: ChoresQueue,
        undertaker: Undertaker,
        tally: Tally,
        pulse: Pulse,
        interval_seconds: float = INTERVAL_SECONDS,
        noting: Callable[[], None] | None = None,
    ) -> None:
        self._noting = noting
        self._worker_id, self._queue, self._undertaker = worker_id, queue, undertaker
        self._tally, self._pulse, self._interval = tally, pulse, interval_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def run_once(self) -> None:
        """One round of chores. redis.RedisError and LedgerError pass through."""
        self._queue.beat(self._worker_id, vitals(self._tally))
        self._undertaker.run_once()

    def _run(self) -> None:
        while True:
            self._pulse.beat("chores", at_most_seconds=300)
            _grumble(self.run_once)
            if self._noting is not None:
                self._noting()
            if self._stopping.wait(self._interval):
                break
        self._pulse.end("chores")


def _grumble(chore: Callable[[], None]) -> None:
    """Chores can wait: the workers themselves report what is away."""
    try:
        chore()
    except (redis.RedisError, LedgerError) as error:
        log.debug("chores put off", extra={"error": f"{type(error).__name__}: {error}"})


def vitals(tally: Tally) -> WorkerVitals:
    """What this process says about itself."""
    return WorkerVitals(
        started_at=datetime.fromtimestamp(tally.started, UTC),
        tasks_done=tally.batches,
        records=tally.records,
        cpu_seconds=round(time.process_time(), 3),
        rss_bytes=_resident_bytes(),
        busy=tally.busy > 0,
        host=socket.gethostname(),
        pid=os.getpid(),
        busy_seconds=round(tally.busy_seconds, 3),
        commit_seconds=round(tally.commit_seconds, 3),
    )


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
