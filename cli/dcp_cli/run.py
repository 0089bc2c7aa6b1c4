"""`dcp run`: fetcher and workers in one process, until everything listed is in the table, or for ever.

The order is the contract: the table is made or checked before anything is fetched, the fetcher stops before the
workers, and the books are read when nothing moves any more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from dcp_cli.embedded import EmbeddedValkey, StateFolder
from dcp_cli.notify.beside import Beside, SinkHopeless, telling_of_the_sink
from dcp_cli.options import print_json
from dcp_cli.shown.opening import opening_line
from dcp_cli.shown.progress import ProgressLine
from dcp_cli.shown.say import say
from dcp_cli.shown.summary import RunSummary
from dcp_fetcher.gauges import gauges_of
from dcp_fetcher.ground.patience import PERSON_SECONDS
from dcp_fetcher.process import build_fetcher, problems_by_source, telling_of_sources, trouble_of
from dcp_pipeline.connect import open_shared
from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.errors import Unusable
from dcp_pipeline.observe.gauges import queue_gauges
from dcp_pipeline.observe.health import Check, HealthServer
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.observe.readiness import READY, STOPPING, tell_manager
from dcp_pipeline.process.exit_codes import DONE, FAILED, INTERRUPTED, TIMED_OUT
from dcp_pipeline.process.stopping import told_to_stop
from dcp_pipeline.queue.connection import check_server
from dcp_pipeline.setup import Setup
from dcp_pipeline.shared import Shared
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
    timeout_seconds: float | None = None
    """How long `once` may take."""
    quiet: bool = False
    """Nothing is said where all is well."""


def run(setup: Setup, options: RunOptions, observer: Observer = unobserved) -> int:
    """Run the pipeline; the exit code."""
    started = time.monotonic()
    with ExitStack() as stack, telling_of_the_sink(setup, options.spec):
        session = _Session(stack, setup, options, observer)
        before = session.ledger.totals()
        ended, failures = session.run()
        after = session.ledger.overview()
        expected = session.ledger.expectations(setup.pipeline.spec)
        if options.once and ended in (Ending.DONE, Ending.TIMED_OUT):
            session.beside.tell_at_the_end()
    summary = RunSummary(
        spec=options.spec,
        sink=setup.sink_url,
        table=setup.pipeline.table,
        before=before,
        after=after,
        elapsed_seconds=time.monotonic() - started,
        failures=failures,
        expected=expected,
    )
    _tell(summary, options, ended)
    if ended is Ending.DONE:
        return DONE if summary.succeeded else FAILED
    return _CODES[ended]


def _tell(summary: RunSummary, options: RunOptions, ended: Ending) -> None:
    if ended is Ending.TIMED_OUT:
        pending = summary.after.totals.pending
        log.error("--timeout is over: %s records are cut and not in the table; the next run goes on", f"{pending:,}")
    if options.quiet and ended is Ending.DONE and summary.succeeded:
        return
    try:
        if options.output == "json":
            print_json(summary.as_json())
        else:
            say(summary.as_text())
    except OSError:
        # A terminal that is gone can be told nothing, and its end was no failure.
        if ended is not Ending.HUNG_UP:
            raise


class SinkUnusable(Unusable, SinkHopeless):
    """Only a person can mend what the workers have met at the sink."""


class Ending(StrEnum):
    """Why a run ended."""

    DONE = "done"
    """All that `once` was to do is done, or cannot be."""
    TIMED_OUT = "timed out"
    TOLD = "told to"
    """A service that was told to stop: SIGTERM, or the terminal's end."""
    HUNG_UP = "hung up"
    INTERRUPTED = "interrupted"
    """Ctrl-C; or `once` was told to stop before it was done."""


_CODES = {Ending.TIMED_OUT: TIMED_OUT, Ending.TOLD: DONE, Ending.HUNG_UP: DONE, Ending.INTERRUPTED: INTERRUPTED}


class _Session:
    """The parts of one run, built in the order in which they depend on each other, closed in the other."""

    def __init__(self, stack: ExitStack, setup: Setup, options: RunOptions, observer: Observer) -> None:
        self._options, self._ending = options, Ending.DONE
        embedded, state = None, StateFolder(setup.state_folder)
        stack.enter_context(state.alone())
        if setup.pipeline.spec.queue.redis is None:
            embedded = stack.enter_context(EmbeddedValkey(state)).url
        shared = open_shared(setup, setup.pipeline.spec.worker.concurrency + 4, observer, embedded)
        stack.callback(shared.close)
        self.ledger, self._queue = shared.ledger, shared.queue
        self.ledger.prepare()
        for warning in (*check_server(shared.client, shared.queue.name), *self.ledger.warnings()):
            log.warning(warning)
        self._fetcher = build_fetcher(setup, shared)
        shared.metrics.add_gauges(lambda: gauges_of(self._fetcher.progress.snapshot()))
        shared.metrics.add_gauges(queue_gauges(self._queue))
        self._worker = WorkerProcess(setup, shared) if setup.workers_enabled else None
        if self._worker:
            self._worker.prepare()
            self._worker.start()
            stack.callback(self._worker.stop)
        self.beside = Beside(setup, options.spec, self.ledger, self._sink_trouble, self._source_troubles)
        self.beside.start(stack, shared.metrics if options.health_port is not None else None, not options.once)
        if not options.once:
            stack.enter_context(telling_of_sources(self._fetcher, shared))
        server = self._serve_health(shared) if options.health_port is not None else None
        if server is not None:
            stack.callback(server.stop)
        log.info(*opening_line(setup, f"http://{options.health_host}:{server.port}/metrics" if server else None))

    def _sink_trouble(self) -> str | None:
        return self._worker.trouble.of_sink() if self._worker else None

    def _source_troubles(self) -> dict[str, str | None]:
        return problems_by_source(self._fetcher)

    def _serve_health(self, shared: Shared) -> HealthServer:
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
        return server

    def run(self) -> tuple[Ending, tuple[str, ...]]:
        """(why it ended, what could not be read). Raises what only a person can mend, where `once` has met it."""
        progress = ProgressLine(self._fetcher, self._queue, self._worker)
        with told_to_stop(self._told_to_stop):
            tell_manager(READY)
            progress.start()
            timer = self._timer()
            try:
                settle = self._worker is not None
                report = asyncio.run(self._fetcher.run(self._options.once, settle, self._hopeless))
            finally:
                timer.cancel()
                progress.stop()
            if self._worker and not self._worker.stop():
                _leave()
        return self._ending, report.problems

    def _hopeless(self) -> Exception | None:
        met = self._worker.trouble.hopeless(PERSON_SECONDS) if self._worker else None
        return met if met is None or isinstance(met, LedgerError) else SinkUnusable(str(met))

    def _timer(self) -> threading.Timer:
        """That ends `once` when its time is over; it is to be cancelled."""
        timer = threading.Timer(self._options.timeout_seconds or 0, lambda: self._stop(Ending.TIMED_OUT))
        timer.daemon = True
        if self._options.timeout_seconds is not None:
            timer.start()
        return timer

    def _told_to_stop(self, number: int) -> None:
        if self._ending is not Ending.DONE:
            if number == signal.SIGHUP:  # a shell and the kernel tell the same end of a terminal
                return
            log.warning("leaving at once; what was in hand is done again by the next run")
            _leave()
        log.warning("stopping: finishing what is in hand; tell it again to leave at once")
        if self._options.once or number == signal.SIGINT:
            self._stop(Ending.INTERRUPTED)
        else:
            self._stop(Ending.HUNG_UP if number == signal.SIGHUP else Ending.TOLD)

    def _stop(self, ending: Ending) -> None:
        tell_manager(STOPPING)
        self._ending = ending
        self._fetcher.request_stop()
        if self._worker:
            self._worker.request_stop()


def _leave() -> NoReturn:
    """Without another word to the database, which rolls back; the embedded server ends with this process."""
    logging.shutdown()
    os._exit(INTERRUPTED)
