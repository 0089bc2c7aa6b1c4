"""A worker process, put together: the composition root of `dcp worker`, and of the workers inside `dcp run`."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import redis
from sqlalchemy import Engine

from dcp_pipeline.connect import open_shared
from dcp_pipeline.ledger import Ledger, LedgerError, SinkUnavailable
from dcp_pipeline.ledger.holding import HoldLimit
from dcp_pipeline.ledger.model import RejectFilter, SourceObject
from dcp_pipeline.observe.gauges import queue_gauges
from dcp_pipeline.observe.health import HealthServer
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.observe.readiness import METRICS, READY, STOPPING, tell_manager
from dcp_pipeline.observe.reporter import Reporter, tell_of_sink
from dcp_pipeline.process.exit_codes import HUNG
from dcp_pipeline.process.stopping import told_to_stop
from dcp_pipeline.queue import Lease, LeaseKeeper
from dcp_pipeline.queue.connection import check_server, refuses
from dcp_pipeline.queue.rights import check_rights
from dcp_pipeline.setup import DEFAULT_GRACE_SECONDS, Setup
from dcp_pipeline.shared import Shared
from dcp_pipeline.spec.revision import Revision, revision_from, revision_of
from dcp_worker.chores import Chores, Undertaker
from dcp_worker.clean.outside import Reachable
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.enrich import Enrichers
from dcp_worker.loop import WorkerLoop
from dcp_worker.parts import Parts
from dcp_worker.plans import PlanShelf
from dcp_worker.sink import SinkWriter
from dcp_worker.sink.replaying.again import ReplayPlan
from dcp_worker.sink.replaying.replay import ReplayReport, replay
from dcp_worker.sink.writer import Seen
from dcp_worker.trouble import Trouble
from dcp_worker.verdicts import Tally

if TYPE_CHECKING:
    from dcp_worker.days import Days

log = logging.getLogger(__name__)

_START_PAUSE_SECONDS = 1.0


class WorkerProcess:
    """The internal workers, the lease keeper and the chores of one process: start, request_stop, stop."""

    def __init__(self, setup: Setup, shared: Shared, on_hung: Callable[[Lease], None] | None = None) -> None:
        pipeline, worker = setup.pipeline, setup.pipeline.spec.worker
        self._pipeline = pipeline
        self.trouble, self.tally = Trouble(), Tally()
        self._prepared = False
        self._queue, self._ledger = shared.queue, shared.ledger
        self._days = _days_of(setup, shared.ledger)
        self._compiler = PlanCompiler(setup, shared.engine, self._days.seen if self._days else None)
        self._plans = PlanShelf(shared.ledger.spec, self._compiler.compile)
        self._keeper = LeaseKeeper(shared.queue, worker.batch_timeout.seconds, on_hung or exit_hung, _lost)
        undertaker = Undertaker(shared.queue, shared.ledger)
        noting = self._days.note if self._days else None
        self._chores = Chores(setup.worker_id, shared.queue, undertaker, self.tally, shared.pulse, noting=noting)
        parts = Parts(
            pipeline=pipeline.key,
            worker_id=setup.worker_id,
            queue=shared.queue,
            leases=self._keeper,
            ledger=shared.ledger,
            plans=self._plans,
            sink=self._compiler.sink,
            metrics=shared.metrics,
            observer=shared.observe,
            pulse=shared.pulse,
            trouble=self.trouble,
            tally=self.tally,
            batch_timeout_seconds=worker.batch_timeout.seconds,
            queue_timeout_seconds=setup.queue_timeout_seconds,
            traces=shared.traces,
        )
        self._loop = WorkerLoop(parts, worker.concurrency)

    def prepare(self) -> None:
        """Make or check the table and compile the spec's own plans, so that what is wrong shows at the start."""
        for source in self._pipeline.spec.sources:
            self._plans.prepare(*revision_of(self._pipeline, source.name))
        other = self._ledger.other_writer(self._pipeline.table)
        if other is not None:
            log.warning(
                "table %s has rows of pipeline %s, and %s has read nothing yet: if it is the same under another name, "
                "all is read anew and may be written once more; give it its name back, or a table of its own",
                self._pipeline.table,
                other,
                self._pipeline.key,
            )
        self._prepared = True

    def unprepared(self) -> str | None:
        """For /readyz: whether table and geolocation databases are still to be looked at."""
        return None if self._prepared else "the table is not checked yet"

    def start(self) -> None:
        gc.freeze()  # what lives now stays: to look through it again and again cost a twentieth of the worker's time
        self._keeper.start()
        self._chores.start()
        self._loop.start()

    def request_stop(self) -> None:
        """Take no further batch."""
        self._loop.request_stop()

    def stop(self, grace_seconds: float = DEFAULT_GRACE_SECONDS) -> bool:
        """Finish the batches in hand, or hand them back. False where one was not finished in time: the process
        is then to end at once, which rolls its transaction back."""
        self._loop.request_stop()
        finished = self._loop.join(grace_seconds)
        if not finished:
            self._hand_back()
        self._chores.stop()
        if self._days is not None:
            self._days.note(at_once=True)
        self._keeper.stop()
        return finished

    def _hand_back(self) -> None:
        leases = self._loop.in_hand()
        log.warning("not finished in time; handed back", extra={"batches": [each.id for each in leases]})
        try:
            self._queue.hand_back(leases)
        except redis.RedisError as error:
            self.trouble.queue(error)

    def dead(self) -> str | None:
        """For /healthz: an internal worker that ended without being asked."""
        return None if self._loop.alive else "an internal worker has ended"

    def records_settled(self) -> int:
        """Since the process started."""
        return self.tally.records


class PlanCompiler:
    """Compiles plans for the table as it stands."""

    def __init__(self, setup: Setup, engine: Engine, seen: Seen | None = None) -> None:
        pipeline = setup.pipeline
        self.sink = SinkWriter(
            engine,
            pipeline.key,
            pipeline.table,
            hold=_hold_limit(setup),
            seen=seen,
            retention=pipeline.retention,
        )
        self._enrichers = Enrichers(setup.located, setup.state_folder / "geoip")
        self._outside = Reachable(setup.secrets, setup.located)

    def compile(self, revision: Revision) -> CleaningPlan:
        """Make or check the table, open the databases, compile.

        Raises TableMismatch, EnrichmentError, PlanError or SinkUnavailable.
        """
        limits = self.sink.prepare(revision.cleaning)
        enrichers = self._enrichers.of(revision.cleaning)
        return CleaningPlan.compile(
            revision.cleaning,
            revision.format,
            limits=limits,
            enrichers=enrichers,
            outside=self._outside,
            ordered=self.sink.table.ordered,
            ordered_by=self.sink.table.ordered_by,
        )


def _days_of(setup: Setup, ledger: Ledger) -> Days | None:
    """None where the spec does not ask for it."""
    expect = setup.pipeline.spec.expect
    if expect is None or not expect.unusual:
        return None
    from dcp_worker.days import Days

    return Days(ledger.note_days)


def _hold_limit(setup: Setup) -> HoldLimit | None:
    expect = setup.pipeline.spec.expect
    if expect is None or expect.most_rejected is None or expect.when_rejected != "hold":
        return None
    return HoldLimit(expect.most_rejected, str(expect.max_rejected))


def exit_hung(lease: Lease) -> None:
    """End the process: a hung batch must not be renewed for ever, and no thread can be ended from outside."""
    log.critical("batch took longer than worker.batchTimeout; this process ends", extra={"batch": lease.id})
    logging.shutdown()
    os._exit(HUNG)


def _lost(lease: Lease) -> None:
    log.warning("lease lost; the ledger decides whose work counts", extra={"batch": lease.id})


def run_worker(setup: Setup, health_host: str, health_port: int, observer: Observer = unobserved) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Batches in hand are finished, or left to others, first."""
    stopping = threading.Event()
    with told_to_stop(lambda _: stopping.set()):
        return _run(setup, health_host, health_port, observer, stopping)


def _run(setup: Setup, health_host: str, health_port: int, observer: Observer, stopping: threading.Event) -> int:
    concurrency = setup.pipeline.spec.worker.concurrency
    shared = open_shared(setup, pool_size=concurrency + 2, observer=observer)
    process = WorkerProcess(setup, shared)
    shared.metrics.add_gauges(queue_gauges(shared.queue))
    health = HealthServer(
        health_host,
        health_port,
        alive={"loops": shared.stuck, "workers": process.dead},
        ready={"start": process.unprepared, "queue": process.trouble.of_queue, "sink": process.trouble.of_sink},
        registry=shared.metrics.registry,
    )
    health.start()
    tell_manager(f"{METRICS}{health.port}")
    log.info("worker starts", extra={"worker": setup.worker_id, "concurrency": concurrency, "health": health.port})
    _warn(shared.client)
    if not _permitted(process, shared, stopping) or not _prepared(process, shared, stopping):
        return 0
    queue, books = setup.pipeline.queue_name, shared.ledger.totals
    reporter = Reporter(shared.client, queue, "worker", books, sink=process.trouble.of_sink, redact=shared.redact)
    reporter.start()
    process.start()
    tell_manager(READY)
    stopping.wait()
    tell_manager(STOPPING)
    log.info("worker stops: finishing what is in hand")
    reporter.stop()
    if not process.stop(setup.grace_seconds):
        logging.shutdown()
        os._exit(0)
    health.stop()
    shared.close()
    return 0


def _warn(client: redis.Redis) -> None:
    """Of what the queue's server is set to. It may still be away: the workers wait for it."""
    try:
        for warning in check_server(client):
            log.warning(warning)
    except redis.RedisError as error:
        log.warning("the queue's server cannot be asked for its settings", extra={"error": str(error)})


def _permitted(process: WorkerProcess, shared: Shared, stopping: threading.Event) -> bool:
    """Wait for the queue's user to have its rights: a script that is refused a command breaks off half way. False where
    we were asked to stop meanwhile. A server that is away is waited for later."""
    while not stopping.is_set():
        try:
            check_rights(shared.client, shared.queue.name)
            return True
        except redis.RedisError as error:
            if not refuses(error):
                return True
            process.trouble.queue(error)
        stopping.wait(_START_PAUSE_SECONDS)
    return False


def _prepared(process: WorkerProcess, shared: Shared, stopping: threading.Event) -> bool:
    """Wait for the database, make the tables, check the table; False where we were asked to stop meanwhile.

    Raises TableMismatch, PlanError or EnrichmentError: what no waiting mends is said at once.
    """
    while not stopping.is_set():
        shared.pulse.beat("start", "waiting for the database")
        try:
            shared.ledger.prepare()
            process.prepare()
            for warning in shared.ledger.warnings():
                log.warning(warning)
        except SinkUnavailable as error:
            process.trouble.sink(error)
            tell_of_sink(shared.client, shared.queue.name, "worker", shared.redact(str(error)))
            stopping.wait(_START_PAUSE_SECONDS)
            continue
        process.trouble.sink(None)
        shared.pulse.end("start")
        return True
    return False


def replayer(setup: Setup, engine: Engine, ledger: Ledger) -> Callable[[RejectFilter], ReplayReport]:
    """`dcp rejects replay`: cleans rejects by the spec as it is now."""
    compiler = PlanCompiler(setup, engine)

    def plan_of(source: SourceObject) -> ReplayPlan:
        names = [each.name for each in setup.pipeline.spec.sources]
        if source.source not in names:
            raise LedgerError(f"{source.uri} came from source {source.source!r}, which the spec has no more")
        revision, document = revision_of(setup.pipeline, source.source)
        ledger.save_spec(revision, document)
        parsed = revision_from(document)
        plan = compiler.compile(parsed)
        return ReplayPlan(plan, parsed.format, revision, unique=bool(parsed.cleaning.unique))

    def run(wanted: RejectFilter) -> ReplayReport:
        compiler.sink.prepare(setup.pipeline.spec.cleaning)
        return replay(ledger, compiler.sink, plan_of, wanted, worker=setup.worker_id)

    return run
