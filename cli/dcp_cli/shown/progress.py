"""Progress of long work, on stderr: one line on a terminal, by Rich; elsewhere a log line while something happens."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import redis

from dcp_fetcher.ground.progress import Snapshot
from dcp_fetcher.loop import FetcherLoop
from dcp_pipeline.observe.printable import printable_cell
from dcp_pipeline.queue import QueueStats

if TYPE_CHECKING:
    from rich.progress import Progress

log = logging.getLogger(__name__)

_TERMINAL_SECONDS = 0.5
_LOG_SECONDS = 10.0
_WHAT_CHARS = 34


class Queued(Protocol):
    """How much waits."""

    def stats(self) -> QueueStats: ...


class Working(Protocol):
    """What the workers have settled so far."""

    def records_settled(self) -> int: ...


@dataclass(frozen=True)
class Figures:
    """How far a run is. `fraction` is None where a size is not known."""

    what: str
    settled: int
    per_second: float
    fraction: float | None


def figures_of(seen: Snapshot, settled: int, seconds: float) -> Figures:
    """What is told of a run that has gone on for so many seconds."""
    looked_at = seen.cut + seen.unchanged + seen.failed
    what = (
        f"waits: {seen.waiting_for}"
        if seen.waiting_for
        else f"{min(looked_at, seen.listed):,} of {seen.listed:,} objects"
    )
    return Figures(what, settled, settled / max(seconds, 1e-9), _fraction(seen, looked_at, settled))


def _fraction(seen: Snapshot, looked_at: int, settled: int) -> float | None:
    """Of the objects what is read, of the records read so far what is settled: both counted from this run's start."""
    if not seen.listed or seen.reading_fraction is None:
        return None
    read = min(1.0, (looked_at + seen.reading_fraction) / seen.listed)
    return read * (min(1.0, settled / seen.records_cut) if seen.records_cut else 1.0)


class ProgressLine:
    """A thread that tells how far the run is: start, run_once, stop."""

    def __init__(self, fetcher: FetcherLoop, queue: Queued, worker: Working | None) -> None:
        self._fetcher, self._queue, self._worker = fetcher, queue, worker
        self._terminal = sys.stderr.isatty()
        self._started, self._stopping = time.monotonic(), threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2)

    def figures(self) -> Figures:
        """How far it is now."""
        settled = self._worker.records_settled() if self._worker else 0
        return figures_of(self._fetcher.progress.snapshot(), settled, time.monotonic() - self._started)

    def run_once(self) -> None:
        """Log how far it is, unless nothing has happened since the last line."""
        seen, settled = self._fetcher.progress.snapshot(), self._worker.records_settled() if self._worker else 0
        said = f"{seen.text} · {settled:,} records settled"
        if said != self._said:
            log.info("%s · %s · %s/s", said, self._waiting(), f"{self.figures().per_second:,.0f}")
        self._said = said

    def _waiting(self) -> str:
        try:
            return f"queue {self._queue.stats().backlog:,} batches"
        except redis.RedisError:
            return "queue away"

    def _run(self) -> None:
        if self._terminal:
            self._on_a_terminal()
            return
        while not self._stopping.wait(_LOG_SECONDS):
            self.run_once()

    def _on_a_terminal(self) -> None:
        shown = line_of()
        task = shown.add_task("", total=None, settled="")
        with shown, _logs_above():
            while not self._stopping.wait(_TERMINAL_SECONDS):
                show(shown, task, self.figures())
            show(shown, task, self.figures())  # a run that was over before the first look at it has a line too


@contextmanager
def _logs_above() -> Iterator[None]:
    """While the line stands, logs go through Rich, which writes them above it."""
    handlers = [each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler)]
    before = [(each, each.setStream(sys.stderr)) for each in handlers]
    try:
        yield
    finally:
        for handler, stream in before:
            if stream is not None:
                handler.setStream(stream)


def line_of() -> Progress:
    """The line: it fits 80 columns, and goes when it is stopped."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Line

    from dcp_cli.shown.tables import console

    return Line(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=8),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[settled]}", markup=False),
        TimeRemainingColumn(compact=True),
        console=console(err=True),
        transient=True,
        redirect_stdout=False,
        expand=False,
    )


def show(line: Progress, task: object, figures: Figures) -> None:
    """Bring the line up to date."""
    what = printable_cell(figures.what)
    line.update(
        task,  # type: ignore[arg-type]
        description=what if len(what) <= _WHAT_CHARS else what[: _WHAT_CHARS - 1] + "…",
        total=None if figures.fraction is None else 1.0,
        completed=figures.fraction or 0.0,
        settled=f"{figures.settled:,} records {figures.per_second:,.0f}/s",
    )
