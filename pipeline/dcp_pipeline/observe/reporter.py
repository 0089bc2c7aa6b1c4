"""The thread in which fetcher and workers publish the books for the operator (report.py has what is published).

reporter = Reporter(client, queue_name, "worker", ledger.totals)
reporter.start(); ...; reporter.stop()
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

import redis
from msgspec.structs import replace

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.observe.report import (
    PERIOD_SECONDS,
    Books,
    Expectation,
    Report,
    keep_turn,
    publish,
    take_turn,
    totals_of,
    with_texts,
)

log = logging.getLogger(__name__)

SHARE_OF_TIME = 0.02
"""Summing up the books may take the database no more than this share of its time, however many batches there are."""
LONGEST_PAUSE_SECONDS = 60.0
"""One slow answer of a busy machine must not have the operator take the pods for silent (after 120 s)."""


class Reporter:
    """start, run_once, stop.

    `sources` tells each source's problem, or None where it is well; `sink` what is wrong there though the ledger
    answers (a table that does not fit). Without `read_books` the books are left out: who looks can read the ledger.
    `redact` hides secrets, which a server may repeat.
    """

    def __init__(
        self,
        client: redis.Redis,
        queue: str,
        component: str,
        read_books: Callable[[], Books] | None,
        sources: Callable[[], Mapping[str, str | None]] = dict,
        labels: Callable[[], Mapping[str, str | None]] = dict,
        expected: Callable[[], tuple[Expectation, ...] | None] = lambda: None,
        period_seconds: float = PERIOD_SECONDS,
        sink: Callable[[], str | None] = lambda: None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._sink, self._redact = sink, redact
        self._client, self._queue, self._component = client, queue, component
        self._read_books, self._period = read_books, period_seconds
        self._sources, self._labels, self._expected = sources, labels, expected
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def run_once(self) -> float:
        """Publish, when it is this process's turn; in how many seconds to come back. Redis' errors pass through."""
        if not take_turn(self._client, self._queue, self._component, self._period):
            return self._period
        started = time.monotonic()
        report = Report(at=time.time(), sources=self._sources(), labels=self._labels(), expected=self._expected())
        if self._read_books is not None:
            report = _with_books(report, self._read_books)
        if report.sink is None:
            report = replace(report, sink=self._sink())
        publish(self._client, self._queue, self._component, with_texts(report, self._redact))
        pause = min((time.monotonic() - started) / SHARE_OF_TIME, LONGEST_PAUSE_SECONDS)
        if pause > self._period:
            keep_turn(self._client, self._queue, self._component, pause)
        return max(self._period, pause)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                pause = self.run_once()
            except redis.RedisError as error:
                log.debug("not reported", extra={"error": f"{type(error).__name__}: {error}"})
                pause = self._period


def tell_of_sink(client: redis.Redis, queue: str, component: str, problem: str) -> None:
    """For a process that cannot begin because of the database: its reporter begins once it has."""
    try:
        if take_turn(client, queue, component, PERIOD_SECONDS):
            publish(client, queue, component, Report(at=time.time(), sink=problem))
    except redis.RedisError as error:
        log.debug("not reported", extra={"error": f"{type(error).__name__}: {error}"})


def _with_books(report: Report, read: Callable[[], Books]) -> Report:
    try:
        return replace(report, totals=totals_of(read()))
    except LedgerError as error:
        return replace(report, sink=str(error))
