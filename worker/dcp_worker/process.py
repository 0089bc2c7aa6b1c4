"""A worker process, put together: the composition root of `dcp worker`, and of the workers inside `dcp run`."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

import redis
from dcp_pipeline.connect import open_engine, open_queue, open_redis
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.observe.health import HealthServer
from dcp_pipeline.observe.metrics import Gauges, Metrics
from dcp_pipeline.observe.phases import Observer, Phase, unobserved
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.queue import Lease, LeaseKeeper, Queue
from dcp_pipeline.queue.connection import check_server
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.revision import Revision
from sqlalchemy import Engine

from dcp_worker.chores import Chores, Undertaker
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.enrich import Enrichers
from dcp_worker.loop import Parts, Tally, WorkerLoop
from dcp_worker.plans import PlanShelf
from dcp_worker.sink import SinkWriter
from dcp_worker.trouble import Trouble

log = logging.getLogger(__name__)

HUNG_EXIT_CODE = 70
GRACE_SECONDS = 25.0
"""Within Kubernetes' default of 30 s between SIGTERM and SIGKILL."""


class WorkerProcess:
    """The internal workers, the lease keeper and the chores of one process: start, request_stop, stop."""

    def __init__(
        self,
        setup: Setup,
        *,
        queue: Queue,
        engine: Engine,
        ledger: Ledger,
        metrics: Metrics,
        pulse: Pulse,
        observer: Observer = unobserved,
        on_hung: Callable[[Lease], None] | None = None,
    ) -> None:
        pipeline, worker = setup.pipeline, setup.pipeline.spec.worker
        self.trouble, self.tally = Trouble(), Tally()
        self._queue = queue
        self._sink = SinkWriter(engine, pipeline.key, pipeline.table)
        self._enrichers = Enrichers(setup.located, setup.state_folder / "geoip")
        self._plans = PlanShelf(ledger.spec, self._compile)
        self._keeper = LeaseKeeper(queue, worker.batch_timeout.seconds, on_hung or exit_hung, _lost)
        self._chores = Chores(setup.worker_id, queue, Undertaker(queue, ledger), self.tally, pulse)
        parts = Parts(
            pipeline=pipeline.key,
            worker_id=setup.worker_id,
            queue=queue,
            leases=self._keeper,
            ledger=ledger,
            plans=self._plans,
            sink=self._sink,
            metrics=metrics,
            observer=_both(metrics, observer),
            pulse=pulse,
            trouble=self.trouble,
            tally=self.tally,
            batch_timeout_seconds=worker.batch_timeout.seconds,
            queue_timeout_seconds=setup.queue_timeout_seconds,
        )
        self._loop = WorkerLoop(parts, worker.concurrency)

    def prepare(self, revision: str) -> None:
        """Make or check the table and compile the spec's own plan, so that what is wrong shows at the start."""
        self._plans.of(revision)

    def start(self) -> None:
        self._keeper.start()
        self._chores.start()
        self._loop.start()

    def request_stop(self) -> None:
        """Take no further batch."""
        self._loop.request_stop()

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> bool:
        """Finish the batches in hand, or hand them back. False where one was not finished in time: the process
        is then to end at once, which rolls its transaction back."""
        self._loop.request_stop()
        finished = self._loop.join(grace_seconds)
        if not finished:
            self._hand_back()
        self._chores.stop()
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

    def _compile(self, revision: Revision) -> CleaningPlan:
        limits = self._sink.prepare(revision.cleaning)
        enrichers = self._enrichers.of(revision.cleaning)
        return CleaningPlan.compile(revision.cleaning, revision.format, limits=limits, enrichers=enrichers)


def _both(metrics: Metrics, observer: Observer) -> Observer:
    def observe(phase: Phase, batch_id: str) -> None:
        metrics(phase, batch_id)
        observer(phase, batch_id)

    return observe


def exit_hung(lease: Lease) -> None:
    """End the process: a hung batch must not be renewed for ever, and no thread can be ended from outside."""
    log.critical("batch took longer than worker.batchTimeout; this process ends", extra={"batch": lease.id})
    logging.shutdown()
    os._exit(HUNG_EXIT_CODE)


def _lost(lease: Lease) -> None:
    log.warning("lease lost; the ledger decides whose work counts", extra={"batch": lease.id})


def queue_gauges(queue: Queue) -> Callable[[], Gauges]:
    """The queue's length and age as metrics; none while Redis is away."""

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


def run_worker(setup: Setup, health_host: str, health_port: int, observer: Observer = unobserved) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Batches in hand are finished, or left to others, first."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    concurrency = setup.pipeline.spec.worker.concurrency
    client = open_redis(setup)
    queue, engine = open_queue(setup, client), open_engine(setup, pool_size=concurrency + 2)
    ledger, metrics, pulse = Ledger(engine, setup.pipeline.key), Metrics(setup.pipeline.key), Pulse()
    process = WorkerProcess(
        setup, queue=queue, engine=engine, ledger=ledger, metrics=metrics, pulse=pulse, observer=observer
    )
    metrics.add_gauges(queue_gauges(queue))
    health = HealthServer(
        health_host,
        health_port,
        alive={"loops": lambda: "; ".join(pulse.stuck()) or None, "workers": process.dead},
        ready={"queue": process.trouble.of_queue, "sink": process.trouble.of_sink},
        registry=metrics.registry,
    )
    health.start()
    log.info("worker starts", extra={"worker": setup.worker_id, "concurrency": concurrency, "health": health.port})
    for warning in check_server(client):
        log.warning(warning)
    process.start()
    stopping.wait()
    log.info("worker stops: finishing what is in hand")
    if not process.stop():
        logging.shutdown()
        os._exit(0)
    health.stop()
    engine.dispose()
    client.close()
    return 0
