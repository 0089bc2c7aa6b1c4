"""Redis' port closed while work waits: how many workers there are meanwhile, and how soon they work again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from e2e.support.outage import redis_closed
from e2e.support.stage import Stage, wait_for
from e2e.support.timed_items import Items

WAITING = 40
LONGEST_SECONDS = 300.0


@dataclass(frozen=True)
class Outage:
    """What was seen. Seconds; None where it did not come to that."""

    replicas_before: int
    replicas_at_the_end: int
    changes: int
    """Of spec.replicas while the port was closed."""
    working_again: float | None
    """From the opening of the port until the next batch was done."""
    queue_empty: float | None
    """From the opening of the port."""


def outage(
    stage: Stage, items: Items, seconds: float, stop: Callable[[], None], start: Callable[[], None]
) -> list[Outage]:
    """One outage that begins with no worker and work that nobody has seen yet, one with workers at work."""
    stop()
    items.put([1.0] * WAITING)
    unseen = _closed(stage, items, seconds, start)
    wait_for(lambda: stage.replicas() == 0, "no worker", 600)
    items.put([1.0] * WAITING)
    wait_for(lambda: stage.ready_workers(), "a worker", 120)
    at_work = _closed(stage, items, seconds, lambda: None)
    wait_for(lambda: stage.replicas() == 0, "no worker", 600)
    return [unseen, at_work]


def _closed(stage: Stage, items: Items, seconds: float, meanwhile: Callable[[], None]) -> Outage:
    seen = [stage.replicas() or 0]

    def over() -> bool:
        now = stage.replicas() or 0
        if now != seen[-1]:
            seen.append(now)
        return time.monotonic() >= end

    with redis_closed(stage.kube, items.client):
        end = time.monotonic() + seconds
        meanwhile()
        wait_for(over, "the end of the outage", seconds + 300)
        done = items.queue.stats().done
    opened = time.monotonic()
    working = _after(opened, lambda: items.queue.stats().done > done)
    empty = _after(opened, lambda: items.queue.stats().backlog == 0)
    return Outage(seen[0], seen[-1], len(seen) - 1, working, empty)


def _after(since: float, condition: Callable[[], bool]) -> float | None:
    while time.monotonic() - since < LONGEST_SECONDS:
        if condition():
            return time.monotonic() - since
        time.sleep(0.1)
    return None
