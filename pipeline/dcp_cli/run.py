"""`dcp run`: fetcher and workers in one process, until everything listed is in the table, or for ever.

The order is the contract: the table is made or checked before anything is fetched, the fetcher stops before the
workers, and the books are read when nothing moves any more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass

import redis
from dcp_fetcher.process import FetcherProcess

from dcp_cli.embedded import EmbeddedValkey
from dcp_cli.errors import DONE, FAILED, INTERRUPTED
from dcp_cli.options import print_json
from dcp_cli.progress import ProgressLine, say
from dcp_cli.summary import RunSummary
from dcp_pipeline.connect import open_shared
from dcp_pipeline.observe.health import Check, HealthServer
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.queue.connection import check_server
from dcp_pipeline.setup import Setup
from dcp_pipeline.shared import Shared
from dcp_worker.process import WorkerProcess, queue_gauges

log = logging.getLogger(__name__)

_SETTLE_POLL_SECONDS = 0.1
_FORGOTTEN_SECONDS = 3.0
"""More than it takes the undertaker to tell the ledger of a batch that the queue gave up."""


@dataclass(frozen=True)
class RunOptions:
    """What `dcp run` was asked."""

    spec: str
    once: bool
    output: str
    health_host: str = "127.0.0.1"
    health_port: int | None = None


def run(setup: Setup, options: RunOptions, observer: Observer = unobserved) -> int:
    """Run the pipeline; the exit code."""
    started = time.monotonic()
    with ExitStack() as stack:
        session = _Session(stack, setup, options, observer)
        before = session.ledger.books()
        stopped, failures = session.run()
        after = session.ledger.books()
    summary = RunSummary(
        spec=options.spec,
        sink=setup.sink_url,
        table=setup.pipeline.table,
        before=before,
        after=after,
        elapsed_seconds=time.monotonic() - started,
        failures=failures,
    )
    if options.output == "json":
        print_json(summary.as_json())
    else:
        say(summary.as_text())
    if stopped:
        return INTERRUPTED
    return DONE if summary.succeeded else FAILED


class _Session:
    """The parts of one run, built in the order in which they depend on each other, closed in the other."""

    def __init__(self, stack: ExitStack, setup: Setup, options: RunOptions, observer: Observer) -> None:
        self._options, self._stop_requested = options, False
        embedded = None
        if setup.pipeline.spec.queue.redis is None:
            embedded = stack.enter_context(EmbeddedValkey(setup.state_folder)).url
        shared = open_shared(setup, setup.pipeline.spec.worker.concurrency + 4, observer, embedded)
        stack.callback(shared.close)
        for warning in check_server(shared.client):
            log.warning(warning)
        self.ledger, self._queue = shared.ledger, shared.queue
        self.ledger.prepare()
        self._fetcher = FetcherProcess(setup, shared)
        self._worker = WorkerProcess(setup, shared) if setup.workers_enabled else None
        if self._worker:
            for revision in self._fetcher.revisions():
                self._worker.prepare(revision)
            self._worker.start()
            stack.callback(self._worker.stop)
        if options.health_port is not None:
            stack.callback(self._serve_health(shared).stop)

    def _serve_health(self, shared: Shared) -> HealthServer:
        shared.metrics.add_gauges(queue_gauges(self._queue))
        alive: dict[str, Check] = {"loops": shared.stuck}
        ready: dict[str, Check] = {"fetcher": self._fetcher.trouble}
        if self._worker:
            alive["workers"] = self._worker.dead
            ready |= {"queue": self._worker.trouble.of_queue, "sink": self._worker.trouble.of_sink}
        server = HealthServer(
            self._options.health_host,
            self._options.health_port or 0,
            alive=alive,
            ready=ready,
            registry=shared.metrics.registry,
        )
        server.start()
        log.info("health and metrics", extra={"port": server.port})
        return server

    def run(self) -> tuple[bool, tuple[str, ...]]:
        """(whether it was interrupted, what could not be read)."""
        previous = {number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        progress = ProgressLine(self._fetcher, self._queue, self._worker)
        progress.start()
        try:
            while True:
                failures = asyncio.run(self._fetcher.run(self._options.once))
                if self._stop_requested or not self._worker or self._settled():
                    break
                log.warning("the queue has lost batches that the ledger waits for: they are read again")
        finally:
            progress.stop()
            for number, handler in previous.items():
                signal.signal(number, handler)
        if self._worker and not self._worker.stop():
            logging.shutdown()
            os._exit(INTERRUPTED)
        return self._stop_requested, failures

    def _settled(self) -> bool:
        """Wait until no batch of this pipeline is on its way (a dead one is settled too), or we are interrupted.
        False when the queue is empty although the ledger waits: it was wiped, and the batches must be read again."""
        empty_since: float | None = None
        while not self._stop_requested and self.ledger.pending_batches():
            try:
                backlog = self._queue.stats().backlog
            except redis.RedisError:
                backlog = 1
            now = time.monotonic()
            empty_since = None if backlog else empty_since or now
            if empty_since and now - empty_since > _FORGOTTEN_SECONDS:
                return False
            time.sleep(_SETTLE_POLL_SECONDS)
        return True

    def _interrupt(self, number: int, _frame: object) -> None:
        if self._stop_requested:
            raise KeyboardInterrupt
        self._stop_requested = True
        log.warning("stopping: finishing what is in hand (%s again to leave at once)", signal.Signals(number).name)
        self._fetcher.request_stop()
        if self._worker:
            self._worker.request_stop()
