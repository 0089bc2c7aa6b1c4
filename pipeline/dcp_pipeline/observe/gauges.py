"""The queue's figures as metrics, read when the metrics are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import redis

from dcp_pipeline.observe.metrics import Gauges
from dcp_pipeline.queue.model import QueueStats


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
