"""A fetcher process, put together: the composition root of `dcp fetcher`, and of the fetcher inside `dcp run`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from dcp_fetcher.gauges import gauges_of
from dcp_fetcher.ground.errors import Stopped
from dcp_fetcher.loop import FetcherLoop, FetchReport
from dcp_pipeline.connect import open_shared
from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.observe.gauges import ledger_gauges, queue_gauges
from dcp_pipeline.observe.health import HealthServer
from dcp_pipeline.observe.lookout import Lookout
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.observe.report import Expectation
from dcp_pipeline.observe.reporter import Reporter, tell_of_sink
from dcp_pipeline.process.exit_codes import DONE, FAILED, INTERRUPTED
from dcp_pipeline.process.stopping import told_to_stop
from dcp_pipeline.queue import Inbox
from dcp_pipeline.queue.connection import check_server
from dcp_pipeline.setup import Setup
from dcp_pipeline.shared import Shared

log = logging.getLogger(__name__)
T = TypeVar("T")


def build_fetcher(setup: Setup, shared: Shared) -> FetcherLoop:
    """The loop of a setup's pipeline, on the process's connections."""
    spool_folder = setup.state_folder / "spool"
    spool_folder.mkdir(parents=True, exist_ok=True)
    return FetcherLoop(
        setup.pipeline,
        ledger=shared.ledger,
        queue=shared.queue,
        inbox=Inbox(shared.client, setup.pipeline.queue_name),
        secrets=setup.secrets,
        observer=shared.observe,
        pulse=shared.pulse,
        located=setup.located,
        spool_folder=spool_folder,
        traces=shared.traces,
    )


def trouble_of(loop: FetcherLoop) -> str | None:
    """For /readyz: the server that everything waits for. A source that is away is told by the status and the metrics;
    it makes no fetcher unready for the others."""
    return loop.progress.snapshot().away


def problems_by_source(loop: FetcherLoop) -> dict[str, str | None]:
    """For the operator: what is wrong with each source; None where nothing is."""
    return {name: each.last_error for name, each in loop.progress.snapshot().sources.items()}


def labels_by_source(loop: FetcherLoop) -> dict[str, str | None]:
    """For the operator: what is missing or new among the labels of each source's latest object; None: nothing is."""
    return {name: found.refused or found.remark for name, found in loop.progress.snapshot().labels.items()}


@contextmanager
def telling_of_sources(loop: FetcherLoop, shared: Shared) -> Iterator[None]:
    """Have `dcp status` and the page see whether sources can be read, where no operator asks for the books as well."""
    reporter = Reporter(
        shared.client,
        shared.queue.name,
        "fetcher",
        None,
        lambda: problems_by_source(loop),
        lambda: labels_by_source(loop),
        redact=shared.redact,
    )
    reporter.start()
    try:
        yield
    finally:
        reporter.stop()


def expected_of(lookout: Lookout) -> tuple[Expectation, ...] | None:
    """For the operator: what the spec expects, and whether it is met; None where the ledger could not be asked."""
    seen = lookout.latest.sight if lookout.latest else None
    return None if seen is None else tuple(Expectation(e.about, e.met, e.reason) for e in seen.expected)


def run_fetcher(setup: Setup, once: bool, health_host: str, health_port: int, observer: Observer = unobserved) -> int:
    """Run until SIGTERM or SIGINT, or `once`; the exit code: 1 where something could not be read."""
    shared = open_shared(setup, pool_size=6, observer=observer)
    loop = build_fetcher(setup, shared)
    with told_to_stop(lambda _: loop.request_stop()):
        return _run(setup, shared, loop, once, health_host, health_port)


def _run(setup: Setup, shared: Shared, loop: FetcherLoop, once: bool, health_host: str, health_port: int) -> int:
    shared.metrics.add_gauges(lambda: gauges_of(loop.progress.snapshot()))
    shared.metrics.add_gauges(queue_gauges(shared.queue))
    health = HealthServer(
        health_host,
        health_port,
        alive={"loops": shared.stuck},
        ready={"queue and sink": lambda: trouble_of(loop)},
        registry=shared.metrics.registry,
    )
    health.start()
    queue, books = setup.pipeline.queue_name, shared.ledger.totals
    lookout = Lookout(lambda: shared.ledger.sight(setup.pipeline.spec))
    shared.metrics.add_gauges(ledger_gauges(lookout))
    reporter = Reporter(
        shared.client,
        queue,
        "fetcher",
        books,
        lambda: problems_by_source(loop),
        lambda: labels_by_source(loop),
        lambda: expected_of(lookout),
        redact=shared.redact,
    )
    log.info("fetcher starts", extra={"pipeline": setup.pipeline.key, "health": health.port})
    try:
        prepare(loop, shared, once)
        lookout.start()
        reporter.start()
        report = asyncio.run(loop.run(once))
        unavailable = _unavailable(loop, shared, report) if once and not report.stopped else []
    except Stopped:
        return INTERRUPTED if once else DONE
    finally:
        reporter.stop()
        lookout.stop()
        health.stop()
        shared.close()
    return _concluded(report, unavailable, once)


def _unavailable(loop: FetcherLoop, shared: Shared, report: FetchReport) -> list[str]:
    """Objects that an earlier run could not read, and that this one therefore did not look at."""
    found = loop.patience(shared.ledger.unavailable_books)
    told = {problem.partition(": ")[0] for problem in report.problems}
    return [f"{each.uri}: {each.reason}" for each in found if each.uri not in told]


def prepare(loop: FetcherLoop, shared: Shared, once: bool) -> None:
    """Look at the servers' settings and make the ledger's tables. Servers that are away are waited for, unless `once`:
    in a cluster all pods start together. Raises Stopped."""

    def at_once(call: Callable[[], T]) -> T:
        return call()

    def told(call: Callable[[], T]) -> T:
        try:
            return call()
        except SinkUnavailable as error:
            tell_of_sink(shared.client, shared.queue.name, "fetcher", shared.redact(str(error)))
            raise

    patiently = at_once if once else loop.patience
    for warning in patiently(lambda: check_server(shared.client, shared.queue.name)):
        log.warning(warning)
    patiently(lambda: told(shared.ledger.prepare))
    for warning in patiently(shared.ledger.warnings):
        log.warning(warning)


def _concluded(report: FetchReport, unavailable: Sequence[str], once: bool) -> int:
    for problem in (*report.problems, *unavailable):
        log.error("not read: %s", problem)
    log.info("fetcher ends: %s", report.figures.text)
    if report.stopped:
        return INTERRUPTED if once else DONE
    return FAILED if report.problems or unavailable else DONE
