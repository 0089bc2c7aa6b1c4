"""`dcp run`: fetcher and workers in one process, until everything listed is in the table, or for ever.

The order is the contract: the table is made or checked before anything is fetched, the fetcher stops before the
workers, and the books are read when nothing moves any more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

from dcp_cli.embedded import EmbeddedValkey, StateFolder
from dcp_cli.options import print_json
from dcp_cli.progress import ProgressLine, say
from dcp_cli.summary import RunSummary
from dcp_fetcher.process import build_fetcher, trouble_of
from dcp_pipeline.connect import open_shared
from dcp_pipeline.exit_codes import DONE, FAILED, INTERRUPTED
from dcp_pipeline.observe.gauges import queue_gauges
from dcp_pipeline.observe.health import Check, HealthServer
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.queue.connection import check_server
from dcp_pipeline.setup import Setup
from dcp_pipeline.shared import Shared
from dcp_pipeline.stopping import told_to_stop
from dcp_worker.process import WorkerProcess

log = logging.getLogger(__name__)


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
        embedded, state = None, StateFolder(setup.state_folder)
        stack.enter_context(state.alone())
        if setup.pipeline.spec.queue.redis is None:
            embedded = stack.enter_context(EmbeddedValkey(state)).url
        shared = open_shared(setup, setup.pipeline.spec.worker.concurrency + 4, observer, embedded)
        stack.callback(shared.close)
        self.ledger, self._queue = shared.ledger, shared.queue
        self.ledger.prepare()
        for warning in (*check_server(shared.client), *self.ledger.warnings()):
            log.warning(warning)
        self._fetcher = build_fetcher(setup, shared)
        self._worker = WorkerProcess(setup, shared) if setup.workers_enabled else None
        if self._worker:
            self._worker.prepare()
            self._worker.start()
            stack.callback(self._worker.stop)
        if options.health_port is not None:
            stack.callback(self._serve_health(shared).stop)

    def _serve_health(self, shared: Shared) -> HealthServer:
        shared.metrics.add_gauges(queue_gauges(self._queue))
        alive: dict[str, Check] = {"loops": shared.stuck}
        ready: dict[str, Check] = {"fetcher": lambda: trouble_of(self._fetcher)}
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
        progress = ProgressLine(self._fetcher, self._queue, self._worker)
        with told_to_stop(self._told_to_stop):
            progress.start()
            try:
                report = asyncio.run(self._fetcher.run(self._options.once, settle=self._worker is not None))
            finally:
                progress.stop()
            if self._worker and not self._worker.stop():
                _leave()
        return self._stop_requested, report.problems

    def _told_to_stop(self) -> None:
        if self._stop_requested:
            log.warning("leaving at once; what was in hand is done again by the next run")
            _leave()
        self._stop_requested = True
        log.warning("stopping: finishing what is in hand; tell it again to leave at once")
        self._fetcher.request_stop()
        if self._worker:
            self._worker.request_stop()


def _leave() -> NoReturn:
    """Without another word to the database, which rolls back; the embedded server ends with this process."""
    logging.shutdown()
    os._exit(INTERRUPTED)
