"""Several small batches in one transaction: a commit costs as much for five records as for ten thousand.

Only what goes well goes this way. Whatever does not (a batch that is not what it should be, a row that the database
refuses) is left to the loop, which then tries each batch by itself: nothing of the transaction was kept. Of a group in
which one is at fault the halves are tried, and their halves, so that the others still go together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import msgspec

from dcp_pipeline.batch import Batch, BatchError, decode_batch, forged
from dcp_pipeline.database.errors import SinkBusy
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.queue import Lease
from dcp_worker.clean.group import CleanedGroup, together
from dcp_worker.parts import Parts
from dcp_worker.sink import CommitKind, CommitOutcome
from dcp_worker.trouble import UNREADY
from dcp_worker.verdicts import Done, NotNow, Verdict

log = logging.getLogger(__name__)

MOST = 128
"""Batches that a worker takes at once; a process that dies has each of them tried alone."""
MOST_BYTES = 128 * 1024
"""Payloads after which it takes no more: a batch of the usual size is taken by itself."""
MOST_RAW_BYTES = 4 * 1024 * 1024
"""What payloads of one group may unpack to: what is alike all over packs a thousandfold."""
FEW = 8
"""So few are tried one by one where they cannot go together."""

_SECONDS = 1.0
"""A worker takes as many at once as it expects to settle in it."""
_LONGEST_SECONDS = 10.0
"""Or in this, where fewer would not be settled sooner."""
_CHEAPER = 0.75


class Portion:
    """How many small batches a worker takes at once: one at first, twice as many after each time that was quick, half
    as many after one that was not. Batches may be small and slow (a database far away, a lookup): who held many of them
    would leave the other workers nothing, and the scaler a queue that looks empty. Where it is not the batches that
    take the time (a busy machine, a shared disk), fewer at once are no quicker: then what one of many costs decides.
    """

    def __init__(self, most: int = 1) -> None:
        self.most = most
        self._slow: tuple[int, float] | None = None
        """So many at once took so long, when that was last too long."""

    def took(self, batches: int, seconds: float) -> None:
        """So many at once took so long."""
        if seconds > _SECONDS:
            self.most = self._after_slow(batches, seconds)
            self._slow = (batches, seconds)
            return
        self._slow = None
        if batches >= self.most and 2 * seconds <= _SECONDS:
            self.most = min(MOST, 2 * self.most)

    def _after_slow(self, batches: int, seconds: float) -> int:
        fewer = max(1, batches // 2)
        if seconds > _LONGEST_SECONDS or self._slow is None:
            return fewer
        before, before_seconds = self._slow
        if batches == before:
            return 2 if batches == 1 else fewer  # one was slow twice: would two be slower?
        each, each_before = seconds / batches, before_seconds / before
        if batches > before:
            return min(MOST, 2 * batches) if each < _CHEAPER * each_before else before
        return before if each_before < _CHEAPER * each else fewer


def settle_together(parts: Parts, leases: Sequence[Lease]) -> dict[str, Verdict]:
    """Batch id -> what came of it; of those that are to be tried by themselves nothing."""
    try:
        return _settled(parts, _cleaned(parts, leases))
    except UNREADY as error:
        return {lease.id: NotNow(error) for lease in leases}
    except Exception as error:  # noqa: BLE001 (each is tried by itself, and meets it again where it is its own)
        _tell_parted(len(leases), error)
        return {}


def _settled(parts: Parts, cleaned: CleanedGroup) -> dict[str, Verdict]:
    """Where something is in the way of them together, their halves are tried, down to FEW: it may be one of many."""
    if len(cleaned.accounts) < 2:
        return {}
    begun = time.monotonic()
    try:
        outcomes = parts.sink.commit_together(cleaned, worker=parts.worker_id, observer=parts.observer)
    except Exception as error:
        if isinstance(error, UNREADY) and not isinstance(error, SinkBusy):
            raise
        _tell_parted(len(cleaned.accounts), error)
        numbers = sorted(cleaned.accounts)
        if len(numbers) <= FEW:
            return {}
        middle = len(numbers) // 2
        return _settled(parts, cleaned.part(numbers[:middle])) | _settled(parts, cleaned.part(numbers[middle:]))
    seconds = (time.monotonic() - begun) / len(cleaned.accounts)
    ids = {number: account.batch.id for number, account in cleaned.accounts.items()}
    return {ids[number]: _verdict(parts, ids[number], outcome, seconds) for number, outcome in outcomes.items()}


def _tell_parted(batches: int, error: Exception) -> None:
    log.info("not settled together", extra={"batches": batches, "why": f"{type(error).__name__}: {error}"})


def _verdict(parts: Parts, batch_id: str, outcome: CommitOutcome, commit_seconds: float) -> Verdict:
    if outcome.kind is CommitKind.COMMITTED and outcome.counts:
        parts.metrics.settled(outcome.counts)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("batch settled", extra={"batch": batch_id, **msgspec.structs.asdict(outcome.counts)})
        return Done(outcome.counts.read, commit_seconds)
    level = logging.WARNING if outcome.kind is CommitKind.UNKNOWN_BATCH else logging.INFO
    log.log(level, "batch needs nothing more", extra={"batch": batch_id, "why": outcome.kind.value})
    return Done(0, commit_seconds)


def _cleaned(parts: Parts, leases: Sequence[Lease]) -> CleanedGroup:
    """Those that are what they should be, by their numbers in the order in which they were given out."""
    by_revision: dict[str, dict[int, Batch]] = {}
    room = MOST_RAW_BYTES
    for number, lease in enumerate(leases):
        if (batch := _sound(parts, lease, room)) is not None:
            parts.traces.holds(batch)
            by_revision.setdefault(batch.revision, {})[number] = batch
            room -= batch.end - batch.start
    cleaned = together(parts.plans.of(each).clean_together(batches) for each, batches in by_revision.items())
    for account in cleaned.accounts.values():
        parts.observer(Phase.CLEANED, account.batch.id)
    return cleaned


def _sound(parts: Parts, lease: Lease, room: int) -> Batch | None:
    """The batch of a lease; None where it is to be told by itself what is wrong with it, or is too large."""
    try:
        batch = decode_batch(lease.payload)
    except BatchError:
        return None
    if batch.end - batch.start > room:
        return None
    return None if batch.pipeline != parts.pipeline or forged(batch, lease.id) else batch
