"""Several small batches in one transaction: a commit costs as much for five records as for ten thousand.

Only what goes well goes this way. Whatever does not (a batch that is not what it should be, a row that the database
refuses) is left to the loop, which then tries each batch by itself: nothing of the transaction was kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from dcp_pipeline.batch import Batch, BatchError, decode_batch, forged
from dcp_pipeline.database.errors import SinkBusy
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.queue import Lease
from dcp_worker.clean.plan import CleanedBatch
from dcp_worker.parts import Parts
from dcp_worker.sink import CommitKind
from dcp_worker.trouble import UNREADY
from dcp_worker.verdicts import Done, NotNow, Verdict

log = logging.getLogger(__name__)

MOST = 32
"""Batches that a worker takes at once; a process that dies has each of them tried alone."""
MOST_BYTES = 64 * 1024
"""Payloads after which it takes no more: a batch of the usual size is taken by itself."""

_SECONDS = 1.0
"""A worker takes as many at once as it expects to settle in it."""


class Portion:
    """How many small batches a worker takes at once: one at first, twice as many after each time that was quick, half
    as many after one that was not. Batches may be small and slow (a database far away, a lookup): who held many of them
    would leave the other workers nothing, and the scaler a queue that looks empty."""

    def __init__(self, most: int = 1) -> None:
        self.most = most

    def took(self, batches: int, seconds: float) -> None:
        """So many at once took so long."""
        if seconds > _SECONDS:
            self.most = max(1, batches // 2)
        elif batches >= self.most and 2 * seconds <= _SECONDS:
            self.most = min(MOST, 2 * self.most)


def settle_together(parts: Parts, leases: Sequence[Lease]) -> dict[str, Verdict]:
    """Batch id -> what came of it; of those that are to be tried by themselves nothing."""
    ready = [each for lease in leases if (each := _cleaned(parts, lease)) is not None]
    if len(ready) < 2:
        return {}
    # In one order everywhere: two processes that were given the same batches wait for each other, and do not lock.
    ready.sort(key=lambda each: each[0].id)
    begun = time.monotonic()
    try:
        outcomes = parts.sink.commit_together(ready, worker=parts.worker_id, observer=parts.observer)
    except SinkBusy as error:
        log.info("tried one by one", extra={"batches": len(ready), "why": str(error)})
        return {}
    except UNREADY as error:
        return {lease.id: NotNow(error) for lease in leases}
    except Exception as error:  # noqa: BLE001 (each is tried by itself, and meets it again where it is its own)
        log.info("tried one by one", extra={"batches": len(ready), "why": f"{type(error).__name__}: {error}"})
        return {}
    commit_seconds = (time.monotonic() - begun) / len(ready)
    verdicts: dict[str, Verdict] = {}
    for (batch, _), outcome in zip(ready, outcomes, strict=True):
        if outcome.kind is CommitKind.COMMITTED and outcome.counts:
            parts.metrics.settled(outcome.counts)
            verdicts[batch.id] = Done(outcome.counts.read, commit_seconds)
        else:
            level = logging.WARNING if outcome.kind is CommitKind.UNKNOWN_BATCH else logging.INFO
            log.log(level, "batch needs nothing more", extra={"batch": batch.id, "why": outcome.kind.value})
            verdicts[batch.id] = Done(0, commit_seconds)
    return verdicts


def _cleaned(parts: Parts, lease: Lease) -> tuple[Batch, CleanedBatch] | None:
    try:
        batch = decode_batch(lease.payload)
        if batch.pipeline != parts.pipeline or forged(batch, lease.id):
            return None
        cleaned = parts.plans.of(batch.revision).clean(batch)
    except (BatchError, *UNREADY):
        return None
    except Exception as error:  # noqa: BLE001 (it is met again, and told, where it is tried by itself)
        log.debug("tried by itself", extra={"batch": lease.id, "why": f"{type(error).__name__}: {error}"})
        return None
    parts.observer(Phase.CLEANED, batch.id)
    return batch, cleaned
