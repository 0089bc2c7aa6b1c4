"""The fetcher's loop: every source at its interval, the inbox all the time, and what the queue has lost put back.

assemble.py puts its parts together. Read watch.py for one source, objects/ for one object, split.py for the bytes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dcp_fetcher.assemble import Assembly, Surroundings
from dcp_fetcher.caretaker import EVERY_SECONDS as CARE_SECONDS
from dcp_fetcher.caretaker import Caretaker
from dcp_fetcher.ground.errors import Stopped
from dcp_fetcher.ground.patience import Backoff, Patience, Stop
from dcp_fetcher.ground.ports import Inbox, Ledger, Queue, Secrets
from dcp_fetcher.ground.progress import Progress, Snapshot
from dcp_fetcher.ground.vitals import Vitals
from dcp_fetcher.ground.wall import in_thread
from dcp_fetcher.objects import Outcome
from dcp_fetcher.once import BEAT_SECONDS, POLL_SECONDS, TELL_EVERY_POLLS, Once, tell_done, waiting_in
from dcp_fetcher.publishing.done import DoneLog
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.versions import generation_of
from dcp_fetcher.tasks.desk import TaskDesk
from dcp_fetcher.watch import Round, Watch
from dcp_pipeline.ledger.expiring.plan import kept_of
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.observe.tracing import UNTRACED, Traces
from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.revision import revision_of
from dcp_pipeline.spec.units import Duration

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 2
"""Objects of one source, and tasks."""
SPARE_THREADS = 8
"""For what is no reading: the ledger, the inbox, the listings."""


@dataclass(frozen=True)
class FetchReport:
    """What a run brought. `problems`: what could not be read and why, in words."""

    rounds: tuple[Round, ...]
    stopped: bool
    figures: Snapshot

    @property
    def problems(self) -> tuple[str, ...]:
        problems = [problem for each in self.rounds for problem in problems_of(each)]
        waiting = [f"{look.uri}: {look.reason}" for look in waiting_in(self.rounds)]
        return tuple(dict.fromkeys(problems + waiting))


class FetcherLoop:
    """The fetcher of one pipeline; one at a time. To be built anywhere, to be run on an event loop."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        ledger: Ledger,
        queue: Queue,
        inbox: Inbox | None,
        secrets: Secrets,
        observer: Observer = unobserved,
        pulse: Pulse | None = None,
        located: Callable[[str], Path] | None = None,
        spool_folder: Path | None = None,
        side_by_side: int = SIDE_BY_SIDE,
        backoff: Backoff | None = None,
        care_seconds: float = CARE_SECONDS,
        traces: Traces = UNTRACED,
    ) -> None:
        self._care_seconds = care_seconds
        self.progress = Progress()
        self._pipeline, self._inbox, self._pulse, self._stop = pipeline, inbox, pulse or Pulse(), Stop()
        self._around = Surroundings(
            secrets=secrets,
            located=located or Path,
            spool_folder=spool_folder,
            side_by_side=side_by_side,
            backoff=backoff or Backoff(),
        )
        self._outlet = Outlet(
            ledger=ledger,
            queue=queue,
            max_queue_bytes=pipeline.spec.queue.max_bytes.bytes,
            patience=Patience(self._stop, self._waiting),
            stop=self._stop,
            progress=self.progress,
            observer=observer,
            vitals=Vitals(self._pulse),
            done=DoneLog(),
            traces=traces,
        )

    def request_stop(self) -> None:
        """End at the next safe place. Thread-safe; every wait ends at once."""
        self._stop.request()

    @property
    def patience(self) -> Patience:
        """For calls before the run: it waits for servers as the run does, and ends when a stop is requested."""
        return self._outlet.patience

    async def run(
        self, once: bool, settle: bool = False, hopeless: Callable[[], Exception | None] = lambda: None
    ) -> FetchReport:
        """For ever at each source's interval; or `once`, until all that is listed is cut and the inbox is empty.

        `settle`: `once` goes on until no batch is pending and no task open, and enqueues again what Redis loses
        meanwhile. `hopeless` says what the workers have met that only a person can mend: `once` ends with it, and
        with what the fetcher itself has met of the kind. Raises what no waiting mends, such as a queue of another
        pipeline.
        """
        if once:
            self._outlet.patience.until_a_person_is_needed(hopeless)
        rounds: list[Round] = []
        stopped = False
        readers = self._around.side_by_side * (len(self._pipeline.spec.sources) + 1)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(readers + SPARE_THREADS, "fetcher"))
        try:
            async with self._assembled(once) as (watches, desk):
                rejects, dead = self._kept_seconds("rejects"), self._kept_seconds("dead")
                keeper = self._outlet.ledger.keeper(self._pipeline.table, kept_of(self._pipeline), rejects)
                watched = {each.source: each for each in watches}
                caretaker = Caretaker(self._outlet, watched, self._save_revisions, keeper, dead)
                with self._ending_threads():
                    if once:
                        await self._once(Once(self._outlet, watches, desk, caretaker, rounds, settle))
                        await tell_done(self._outlet)
                    else:
                        await self._for_ever(watches, desk, caretaker)
        except* Stopped:
            stopped = True
        return FetchReport(tuple(rounds), stopped, self.progress.snapshot())

    def _kept_seconds(self, what: str) -> float | None:
        """How long the spec keeps it; None: for ever."""
        kept: Duration | None = getattr(self._pipeline.retention, what, None)
        return None if kept is None else kept.seconds

    @contextmanager
    def _ending_threads(self) -> Iterator[None]:
        """A thread does not end with its task: when something else ends the run, whoever waits for a server or reads
        would wait for ever, and take clients that are closed for damaged objects. So this comes before they are closed.
        """
        try:
            yield
        except BaseException:
            self._stop.request()
            raise

    async def run_round(self, source: str) -> Round:
        """One look at one source. Raises Stopped."""
        async with self._assembled() as (watches, _):
            return await next(each for each in watches if each.source == source).round()

    @asynccontextmanager
    async def _assembled(self, once: bool = False) -> AsyncIterator[tuple[list[Watch], TaskDesk | None]]:
        async with AsyncExitStack() as stack:
            await in_thread(self._outlet.patience, self._outlet.queue.own)
            await in_thread(self._save_revisions)
            await in_thread(self._take_up)
            assembly = Assembly(self._pipeline, replace(self._around, once=once), self._outlet, stack)
            watches = await assembly.watches()
            yield watches, await assembly.desk(self._inbox) if self._inbox is not None else None

    def _take_up(self) -> None:
        """Objects that a run before this one has read, and whose records are still on their way, are told of too."""
        for each in self._outlet.patience(self._outlet.ledger.incomplete_objects):
            if each.state is ObjectState.CUT:
                growing = generation_of(each.version) is not None
                self._outlet.done.cut(each.id, time.monotonic(), growing)

    def _save_revisions(self) -> None:
        """Before an object pins a revision, the ledger knows it."""
        for source in self._pipeline.spec.sources:
            revision, document = revision_of(self._pipeline, source.name)
            self._outlet.patience(lambda one=revision, text=document: self._outlet.ledger.save_spec(one, text))  # type: ignore[misc]

    async def _once(self, run: Once) -> None:
        if self._pipeline.spec.wanted_state != "Running":
            log.warning("spec.paused or spec.state: nothing is read")
        else:
            await run.until_done()

    async def _for_ever(self, watches: list[Watch], desk: TaskDesk | None, caretaker: Caretaker) -> None:
        async with asyncio.TaskGroup() as group:
            for watch, source in zip(watches, self._pipeline.spec.sources, strict=True):
                interval_seconds = source.interval.seconds
                name = f"source {watch.source}"
                group.create_task(self._repeat(name, watch.round, interval_seconds, lambda: caretaker.rewinds))
            if desk is not None:
                interval_seconds = max(POLL_SECONDS, self._pipeline.spec.worker.progress_interval.seconds)
                group.create_task(self._repeat("inbox", partial(self._inbox_step, desk), interval_seconds))
            group.create_task(self._repeat("done", partial(tell_done, self._outlet), POLL_SECONDS * TELL_EVERY_POLLS))
            group.create_task(self._repeat("ledger", caretaker.look_back, self._care_seconds))
            group.create_task(self._repeat("totals", caretaker.count_settled, self._care_seconds))
            group.create_task(self._repeat("retention", caretaker.expire, self._care_seconds))
            group.create_task(self._repeat("queue", caretaker.mend_queue, self._care_seconds))
            group.create_task(self._repeat("lost batches", caretaker.find_lost, self._care_seconds))

    async def _inbox_step(self, desk: TaskDesk) -> None:
        with self._outlet.vitals.doing("a step of the inbox"):
            await desk.run_once()

    async def _repeat(
        self,
        name: str,
        step: Callable[[], Coroutine[Any, Any, Any]],
        interval_seconds: float,
        due: Callable[[], int] = lambda: 0,
    ) -> None:
        """`step`, then idle, with a beat every few seconds: neither a long round nor idleness is stuck. What is read in
        a round beats for itself. Where `due` has changed by then, the interval is over."""
        beat = f"fetcher: {name}"
        while True:
            before = due()
            if self._pipeline.spec.wanted_state == "Running":
                async with asyncio.TaskGroup() as group:
                    running = group.create_task(step())
                    while not running.done():
                        self._pulse.beat(beat, "busy")
                        await asyncio.wait({running}, timeout=BEAT_SECONDS)
            left = interval_seconds
            while left > 0 and due() == before:
                self._pulse.beat(beat)
                await self._stop.sleep(min(BEAT_SECONDS, left))
                left -= BEAT_SECONDS

    def _waiting(self, what: str | None) -> None:
        self.progress.away(what)
        if what is not None:
            self._outlet.vitals.alive(f"waits: {what}")


def problems_of(each: Round) -> Sequence[str]:
    """What of a round could not be read, in words."""
    bad = [look for look in each.looks if look.outcome in (Outcome.FAILED, Outcome.UNAVAILABLE)]
    listed = [f"source {each.source}: {each.error}"] if each.error else []
    return [*listed, *(f"{look.uri}: {look.reason}" for look in bad)]
