"""How a fetcher with its workers is measured, ours or a peer's: from the first request until nothing is in the queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import redis

from bench.arena import Arena, Measured, Outcome, minus
from bench.usage import Watched
from support.mariadb_server import MariaDBServer

LOOK_SECONDS = 0.02


def measure(
    arena: Arena,
    contestant: str,
    fetcher: Watched,
    workers: Sequence[Watched],
    is_empty: Callable[[redis.Redis], bool],
    outcome_of: Callable[[MariaDBServer], Outcome],
) -> Measured:
    """The workers wait, and the fetcher was started just now. `is_empty` is asked of their queue."""
    started: dict[str, float] = {}
    arena.feed.on_first_fetch = lambda: started.update(_spent(arena, fetcher, workers))
    ended = _wait_for_the_end(fetcher, workers, partial(is_empty, arena.redis.client()))
    spent = _spent(arena, fetcher, workers)
    peaks = arena.servers_peak() | {"fetcher": fetcher.peak_mb, "worker": sum(each.peak_mb for each in workers)}
    for worker in workers:
        worker.end()
    outcome = outcome_of(arena.database)
    assert arena.feed.first_fetch is not None
    return Measured(
        contestant=contestant,
        records=arena.records,
        rows=outcome.rows,
        seconds=ended - arena.feed.first_fetch,
        cpu=minus(spent, started),
        start_cpu={name: started[name] for name in ("fetcher", "worker")},
        peak_mb=peaks,
        outcome=outcome,
    )


def _spent(arena: Arena, fetcher: Watched, workers: Sequence[Watched]) -> dict[str, float]:
    theirs = {"fetcher": fetcher.cpu_seconds(), "worker": sum(each.cpu_seconds() for each in workers)}
    return arena.servers_cpu() | theirs


def _wait_for_the_end(fetcher: Watched, workers: Sequence[Watched], is_empty: Callable[[], bool]) -> float:
    """time.monotonic() of when the queue was found empty for good. Only Redis is asked."""
    empty_since: float | None = None
    while True:
        fetching = fetcher.look()
        for worker in workers:
            assert worker.look(), f"a worker has ended by itself: {worker.said()}"
        if not is_empty():
            empty_since = None
        elif empty_since is None:
            empty_since = time.monotonic()
        if not fetching and empty_since is not None:
            assert fetcher.wait() == 0, f"the fetcher failed: {fetcher.said()}"
            return empty_since
        time.sleep(LOOK_SECONDS)
