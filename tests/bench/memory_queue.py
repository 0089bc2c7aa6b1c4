"""Fetcher and workers in one process, their batches through Redis or handed over in memory.

    python memory_queue.py SPEC redis|memory

Prints seconds and CPU seconds from the first fetch to the last commit, as JSON. Everything else is the same in both, so
the difference is what the queue costs: its calls, its server, and the bytes on their way.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from dcp_cli.options import set_up
from dcp_fetcher.process import build_fetcher
from dcp_pipeline.connect import open_shared
from dcp_pipeline.process.allocators import keep_memory_small
from dcp_pipeline.queue.model import Exchange, Job, Lease, QueueStats
from dcp_worker.process import WorkerProcess


class MemoryQueue:
    """As much of dcp_pipeline.queue.Queue as an untroubled run needs. Nothing expires, nothing fails."""

    lease_seconds = 3600.0

    def __init__(self) -> None:
        self._ready: deque[Job] = deque()
        self._held: dict[str, Job] = {}
        self._changed = threading.Condition()

    def enqueue(self, jobs: Sequence[Job], delay_seconds: float = 0) -> int:
        with self._changed:
            self._ready.extend(jobs)
            self._changed.notify_all()
        return len(jobs)

    def present(self, ids: Sequence[str]) -> frozenset[str]:
        with self._changed:
            known = {job.id for job in self._ready} | set(self._held)
        return known & frozenset(ids)

    def stats(self) -> QueueStats:
        with self._changed:
            size = sum(len(job.payload) for job in (*self._ready, *self._held.values()))
            return QueueStats(ready=len(self._ready), inflight=len(self._held), bytes=size)

    def exchange(self, worker: str, acks: Sequence[Lease], want: int, most_bytes: int = 0) -> Exchange:
        with self._changed:
            for lease in acks:
                del self._held[lease.id]
            taken = [self._ready.popleft() for _ in range(min(want, len(self._ready)))]
            self._held |= {job.id: job for job in taken}
        leases = tuple(Lease(job.id, job.payload, 1, 0, 0, job.priority) for job in taken)
        return Exchange(leases, frozenset(each.id for each in acks), frozenset(), frozenset())

    def wait(self, timeout_seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._ready), timeout_seconds)

    def dead_letters(self, offset: int = 0, limit: int = 100) -> list[Any]:
        return []

    def beat(self, worker: str, vitals: object, ttl_seconds: float = 30) -> None:
        return

    def extend(self, leases: Sequence[Lease]) -> frozenset[str]:
        return frozenset()


def main(spec: str, way: str) -> None:
    setup = set_up(spec)
    concurrency = setup.pipeline.spec.worker.concurrency
    keep_memory_small(concurrency)
    shared = open_shared(setup, concurrency + 4)
    if way == "memory":
        shared = replace(shared, queue=MemoryQueue())  # type: ignore[arg-type]
    shared.ledger.prepare()
    fetcher, worker = build_fetcher(setup, shared), WorkerProcess(setup, shared)
    worker.prepare()
    worker.start()
    started, spent = time.monotonic(), time.process_time()
    report = asyncio.run(fetcher.run(True, settle=True))
    told = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - spent}
    assert not report.problems, report.problems
    worker.stop()
    shared.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
