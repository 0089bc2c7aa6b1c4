"""A fetcher process, put together: the composition root of `dcp fetcher`, and of the fetcher inside `dcp run`."""

from __future__ import annotations

import asyncio
import logging
import signal

import redis

from dcp_fetcher.loop import FetcherLoop
from dcp_pipeline.connect import open_engine, open_queue, open_redis
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.observe.health import HealthServer
from dcp_pipeline.observe.metrics import Metrics
from dcp_pipeline.observe.phases import Observer, Phase, unobserved
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.queue import Inbox, Queue
from dcp_pipeline.queue.connection import check_server
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.revision import revision_of

log = logging.getLogger(__name__)


class FetcherProcess:
    """The fetcher of one process, with what surrounds it."""

    def __init__(
        self,
        setup: Setup,
        *,
        client: redis.Redis,
        queue: Queue,
        ledger: Ledger,
        metrics: Metrics,
        pulse: Pulse,
        observer: Observer = unobserved,
    ) -> None:
        self._pipeline, self._ledger = setup.pipeline, ledger
        spool_folder = setup.state_folder / "spool"
        spool_folder.mkdir(parents=True, exist_ok=True)
        self._loop = FetcherLoop(
            setup.pipeline,
            ledger=ledger,
            queue=queue,
            inbox=Inbox(client, setup.pipeline.queue_name),
            secrets=setup.secrets,
            observer=_both(metrics, observer),
            pulse=pulse,
            located=setup.located_source,
            spool_folder=spool_folder,
        )

    def revisions(self) -> list[str]:
        """The revision of each source, recorded in the ledger."""
        found = []
        for source in self._pipeline.spec.sources:
            revision, document = revision_of(self._pipeline, source.name)
            self._ledger.save_spec(revision, document)
            found.append(revision)
        return list(dict.fromkeys(found))

    async def run(self, once: bool, settle: bool = False) -> tuple[str, ...]:
        """What could not be read, in words. `settle`: wait for the workers too, see FetcherLoop.run."""
        report = await self._loop.run(once, settle)
        return report.problems

    def request_stop(self) -> None:
        """End at the next safe place. Thread-safe."""
        self._loop.request_stop()

    def progress_text(self) -> str:
        """One line for people."""
        return self._loop.progress.snapshot().text

    def trouble(self) -> str | None:
        """For /readyz: what everything waits for, such as a server that is away; None when nothing is."""
        return self._loop.progress.snapshot().away


def _both(metrics: Metrics, observer: Observer) -> Observer:
    def observe(phase: Phase, batch_id: str) -> None:
        metrics(phase, batch_id)
        observer(phase, batch_id)

    return observe


def run_fetcher(setup: Setup, once: bool, health_host: str, health_port: int, observer: Observer = unobserved) -> int:
    """Run until SIGTERM or SIGINT, or `once`; the exit code: 1 where something could not be read."""
    client = open_redis(setup)
    for warning in check_server(client):
        log.warning(warning)
    engine = open_engine(setup, pool_size=6)
    ledger, metrics, pulse = Ledger(engine, setup.pipeline.key), Metrics(setup.pipeline.key), Pulse()
    ledger.prepare()
    process = FetcherProcess(
        setup,
        client=client,
        queue=open_queue(setup, client),
        ledger=ledger,
        metrics=metrics,
        pulse=pulse,
        observer=observer,
    )
    process.revisions()
    health = HealthServer(
        health_host,
        health_port,
        alive={"loops": lambda: "; ".join(pulse.stuck()) or None},
        ready={"fetcher": process.trouble},
        registry=metrics.registry,
    )
    health.start()
    log.info("fetcher starts", extra={"health": health.port})
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.request_stop())
    try:
        problems = asyncio.run(process.run(once))
    finally:
        health.stop()
        engine.dispose()
        client.close()
    for problem in problems:
        log.warning("not read: %s", problem)
    return 1 if problems else 0
