"""The queue's figures, and what was last seen of the ledger, as metrics: read when the metrics are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Protocol

import redis

from dcp_pipeline.observe.metrics import Gauges
from dcp_pipeline.queue.model import QueueStats

if TYPE_CHECKING:
    from dcp_pipeline.observe.lookout import Lookout


class WithStats(Protocol):
    """A queue that tells how much it holds."""

    def stats(self) -> QueueStats: ...


def queue_gauges(queue: WithStats) -> Callable[[], Gauges]:
    """The queue's length and age; none while Redis is away."""

    def read() -> Gauges:
        try:
            stats = queue.stats()
        except redis.RedisError:
            return {}
        states = ("ready", "scheduled", "inflight", "dead")
        return {
            "dcp_queue_batches": ("Batches in the queue.", {(("state", s),): getattr(stats, s) for s in states}),
            "dcp_queue_bytes": ("Payload bytes of batches that wait or are in flight.", {(): stats.bytes}),
            "dcp_queue_oldest_age_seconds": ("Age of the oldest batch.", {(): stats.oldest_age_seconds}),
        }

    return read


_By = Mapping[tuple[tuple[str, str], ...], float]


def ledger_gauges(lookout: Lookout) -> Callable[[], Gauges]:
    """What the ledger says; all but the first are left out while it cannot be asked."""

    def read() -> Gauges:
        looked = lookout.latest
        found: dict[str, tuple[str, _By]] = {}
        if looked is None:
            return found
        known = looked.sight is not None
        found["dcp_ledger_up"] = ("1: the ledger was read at the last look.", {(): float(known)})
        if looked.sight is None:
            return found
        seen = looked.sight
        found["dcp_ledger_objects"] = (
            "Objects by their state in the ledger.",
            {(("state", state.value),): count for state, count in seen.objects.items()},
        )
        found["dcp_ledger_unbalanced_objects"] = (
            "Objects settled within a day whose counts do not add up.",
            {(): seen.unbalanced},
        )
        found["dcp_ledger_dead_records"] = ("Records in batches that were given up.", {(): seen.dead_records})
        found["dcp_ledger_last_arrival_timestamp_seconds"] = (
            "When each source last brought records, by the ledger; a source that never did is left out.",
            {(("source", name),): at.replace(tzinfo=UTC).timestamp() for name, at in seen.last.items()},
        )
        found["dcp_expectation_met"] = (
            "1: as the spec expects; 0: not.",
            {(("about", each.about),): float(each.met) for each in seen.expected},
        )
        return found

    return read
