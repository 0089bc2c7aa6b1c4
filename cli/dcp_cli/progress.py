"""Progress of long work, on stderr: one line rewritten on a terminal, a log line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Protocol

import click
import redis

from dcp_fetcher.loop import FetcherLoop
from dcp_pipeline.queue import QueueStats

log = logging.getLogger(__name__)

_TERMINAL_SECONDS = 0.5
_LOG_SECONDS = 10.0


class Queued(Protocol):
    """How much waits."""

    def stats(self) -> QueueStats: ...


class Working(Protocol):
    """What the workers have settled so far."""

    def records_settled(self) -> int: ...


def say(text: str) -> None:
    """To people: stdout."""
    click.echo(text)


class ProgressLine:
    """A thread that tells how far the run is: start, run_once, stop."""

    def __init__(self, fetcher: FetcherLoop, queue: Queued, worker: Working | None) -> None:
        self._fetcher, self._queue, self._worker = fetcher, queue, worker
        self._terminal = sys.stderr.isatty()
        self._started, self._stopping = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2)
        if self._terminal:
            click.echo("\r\x1b[K", nl=False, err=True)

    def run_once(self) -> str:
        """The line."""
        settled = self._worker.records_settled() if self._worker else 0
        rate = settled / max(time.monotonic() - self._started, 1e-9)
        try:
            waiting = f"queue {self._queue.stats().backlog:,} batches"
        except redis.RedisError:
            waiting = "queue away"
        return f"{self._fetcher.progress.snapshot().text} · {waiting} · {settled:,} records settled, {rate:,.0f}/s"

    def _run(self) -> None:
        while not self._stopping.wait(_TERMINAL_SECONDS if self._terminal else _LOG_SECONDS):
            if self._terminal:
                click.echo(f"\r\x1b[K{self.run_once()}", nl=False, err=True)
            else:
                log.info(self.run_once())
