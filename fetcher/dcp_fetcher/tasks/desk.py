"""The inbox: tasks are registered in the database before they leave the list, then read like any object.

task_request.py decides; this is the loop around it: absorb, look, tell progress, finish.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dcp_fetcher.ground.ports import Inbox
from dcp_fetcher.ground.wall import in_thread, reason_of
from dcp_fetcher.objects import Look, Outcome
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.http.naming import object_name, redacted, scrubbed
from dcp_fetcher.tasks.recall import MARGIN_SECONDS, Recall
from dcp_fetcher.tasks.request import (
    MAX_TASK_BYTES,
    Assigned,
    Request,
    Step,
    TaskInvalid,
    TaskTerms,
    Verdict,
    assign,
    decide,
    id_of,
    parse_request,
)
from dcp_fetcher.watch import Watch
from dcp_pipeline.database.errors import LedgerWentBack
from dcp_pipeline.ledger.model import BatchState, Cut, SourceObject, Task, TaskState
from dcp_pipeline.spec.sources.http import HttpSource

log = logging.getLogger(__name__)

MAX_OPEN = 16
LONGEST_RETRY_SECONDS = 300.0
PURGE_EVERY_SECONDS = 3600.0
WatchOf = Callable[[Assigned, int | None], Watch]
"""Who reads a task's object, with its priority if it has one of its own."""


@dataclass(frozen=True)
class DeskState:
    """How many tasks are unfinished, and how many of them have still to be read."""

    open: int
    to_read: int


class TaskDesk:
    """Takes tasks from the inbox and sees them through."""

    def __init__(self, inbox: Inbox, terms: TaskTerms, watch_of: WatchOf, outlet: Outlet) -> None:
        self._inbox, self._terms, self._watch_of, self._outlet = inbox, terms, watch_of, outlet
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        self._defects: list[BaseException] = []
        self._purged_at = float("-inf")
        self._recall = Recall(inbox, terms, outlet)

    async def run_once(self) -> DeskState:
        """One look at inbox and open tasks. Raises Stopped, and what is wrong with the pipeline rather than a task."""
        for defect in self._defects:
            raise defect
        await in_thread(self._recall.run)
        await in_thread(self._absorb)
        open_tasks = await in_thread(self._outlet.patience, self._outlet.ledger.open_tasks)
        now = await in_thread(self._outlet.patience, self._outlet.ledger.now) if open_tasks else datetime.min
        steps = [await self._borne(task, now) for task in open_tasks]
        await in_thread(self._purge)
        waiting = await in_thread(self._outlet.patience, self._inbox.length)
        return DeskState(open=waiting + len(steps), to_read=waiting + steps.count(Step.LOOK))

    def _absorb(self) -> None:
        patience, ledger, queue = self._outlet.patience, self._outlet.ledger, self._outlet.queue
        open_count = len(patience(ledger.open_tasks))
        while open_count < MAX_OPEN and patience(queue.stats).bytes <= self._outlet.max_queue_bytes:
            self._outlet.stop.check()
            raw = patience(self._inbox.peek)
            if raw is None:
                return
            open_count += self._register(raw)
            # Only now: until here a crash leaves the task in the list, from here on it is in the database.
            patience(lambda raw=raw: self._inbox.pop_if(raw))  # type: ignore[misc]

    def _register(self, raw: bytes) -> bool:
        """Record a task, an invalid one as failed. Was it a new and valid one?"""
        patience, ledger = self._outlet.patience, self._outlet.ledger
        try:
            request, assigned = self._understood(raw)
        except TaskInvalid as error:
            task_id, reason = id_of(raw, time.time_ns()), str(error)
            patience(lambda: ledger.register_task(task_id, raw[:MAX_TASK_BYTES], None))
            self._finish(task_id, TaskState.FAILED, reason, {})
            return False
        register = ledger.register_task
        if request.id is not None:
            known_id = request.id
            self._recall.remember(known_id, raw)
            return patience(lambda: register(known_id, raw, request.url, request.priority, assigned.source.name))
        for taken in range(1_000_000):
            task_id = id_of(raw, taken)
            if patience(lambda id_=task_id: register(id_, raw, request.url, request.priority, assigned.source.name)):  # type: ignore[misc]
                self._recall.remember(task_id, raw)
                return True
            recorded = patience(lambda id_=task_id: ledger.task(id_))  # type: ignore[misc]
            if recorded is not None and recorded.state is TaskState.OPEN:
                return False
        return False

    def _understood(self, raw: bytes) -> tuple[Request, Assigned]:
        """Raises TaskInvalid, whatever is wrong with it."""
        try:
            request = parse_request(raw)
            return request, assign(request, self._terms.sources, self._terms.paths)
        except TaskInvalid:
            raise
        except BaseException as error:
            raise TaskInvalid(reason_of(error)) from error

    async def _borne(self, task: Task, now: datetime) -> Step:
        try:
            return await self._step(task, now)
        except LedgerWentBack as error:
            log.warning("task put off: %s", error, extra={"task": task.id})
            return Step.LOOK
        except BaseException as error:  # noqa: BLE001 (the wall)
            await in_thread(self._finish, task.id, TaskState.FAILED, reason_of(error), {})
            return Step.FINISH

    async def _step(self, task: Task, now: datetime) -> Step:
        verdict, recorded, cuts = await in_thread(self._verdict, task, now)
        if verdict.step is Step.FINISH and verdict.state is not None:
            counts = progress_of(task, recorded, cuts)
            await in_thread(self._finish, task.id, verdict.state, verdict.reason, counts)
            return verdict.step
        due = time.monotonic() >= self._not_before.get(task.id, 0.0)
        if verdict.step is Step.LOOK and due and task.id not in self._reading:
            reading = asyncio.create_task(self._read(task))
            self._reading[task.id] = reading
            reading.add_done_callback(lambda done: self._ended(task.id, done))
        await in_thread(self._tell, task, recorded, cuts)
        return verdict.step

    def _ended(self, task_id: str, reading: asyncio.Task[None]) -> None:
        self._reading.pop(task_id, None)
        error = None if reading.cancelled() else reading.exception()
        if error is not None and not isinstance(error, LedgerWentBack):  # the recall has the task done again
            self._defects.append(error)

    def _verdict(self, task: Task, now: datetime) -> tuple[Verdict, SourceObject | None, list[Cut]]:
        patience, ledger = self._outlet.patience, self._outlet.ledger
        recorded, cuts = None, []
        if task.object_id is not None:
            object_id = task.object_id
            recorded = patience(lambda: ledger.object(object_id))
        elif task.url is not None and task.source is not None:
            source, name = task.source, self._name_of(task.source, task.url)
            recorded = next(iter(patience(lambda: ledger.objects(source, [name]))), None)
        if recorded is not None:
            recorded_id = recorded.id
            cuts = patience(lambda: ledger.cuts(recorded_id))
        timeout = self._terms.worker.task_timeout.timedelta
        return decide(task, recorded, cuts, now, timeout), recorded, cuts

    async def _read(self, task: Task) -> None:
        try:
            _, assigned = self._understood(task.raw)
        except TaskInvalid as error:  # The spec was changed since.
            await in_thread(self._finish, task.id, TaskState.FAILED, str(error), {})
            return
        try:
            look = await self._watch_of(assigned, task.priority).look(task.url or "")
        except BaseException as error:  # noqa: BLE001 (the wall)
            look = Look(task.url or "", Outcome.FAILED, reason=reason_of(error))
        await in_thread(self._looked, task, look)

    def _looked(self, task: Task, look: Look) -> None:
        patience, ledger, worker = self._outlet.patience, self._outlet.ledger, self._terms.worker
        if look.object_id is not None and look.outcome is not Outcome.FAILED:
            patience(lambda: ledger.update_task(task.id, object_id=look.object_id))
            return
        attempts = task.attempts + 1
        if attempts >= worker.max_attempts:
            self._finish(task.id, TaskState.FAILED, look.reason, {"attempts": attempts})
            return
        delay_seconds = min(LONGEST_RETRY_SECONDS, worker.retry_delay.seconds * 2.0 ** (attempts - 1))
        self._not_before[task.id] = time.monotonic() + delay_seconds
        patience(lambda: ledger.update_task(task.id, attempts=attempts, reason=look.reason))

    def _name_of(self, source: str, url: str) -> str:
        http = next((each.where(HttpSource) for each in self._terms.sources if each.name == source), None)
        return url if url.startswith("file:") else object_name(url, http.ignore_query if http else ())

    def _tell(self, task: Task, recorded: SourceObject | None, cuts: list[Cut]) -> None:
        state = "processing" if task.id in self._reading or cuts else "waiting"
        fields = {"state": state, **progress_of(task, recorded, cuts)}
        self._outlet.patience(lambda: self._inbox.put_task(task.id, fields))

    def _finish(self, task_id: str, state: TaskState, reason: str | None, counts: Mapping[str, str | int]) -> None:
        patience = self._outlet.patience
        ledger, task = self._outlet.ledger, patience(lambda: self._outlet.ledger.task(task_id))
        kept = {} if task is None else {"url": task.url and redacted(task.url), "raw": scrubbed(task.raw)}
        patience(lambda: ledger.update_task(task_id, state=state, reason=reason, **kept))  # type: ignore[arg-type]
        fields: dict[str, str | int | float] = {**counts, "state": state.value, "reason": reason or ""}
        patience(lambda: self._inbox.put_task(task_id, fields))
        patience(lambda: self._inbox.expire_task(task_id, self._terms.worker.task_ttl.seconds))
        self._not_before.pop(task_id, None)
        log.log(
            logging.INFO if state is TaskState.DONE else logging.WARNING,
            "task %s: %s",
            task_id,
            state.value,
            extra={"reason": reason},
        )

    def _purge(self) -> None:
        if time.monotonic() - self._purged_at > PURGE_EVERY_SECONDS:
            ttl_seconds = self._terms.worker.task_ttl.seconds + MARGIN_SECONDS
            self._outlet.patience(lambda: self._outlet.ledger.purge_tasks(ttl_seconds))
            self._purged_at = time.monotonic()


def progress_of(task: Task, recorded: SourceObject | None, cuts: Sequence[Cut]) -> dict[str, str | int]:
    """What other programs may read about a task."""
    settled = sum(cut.records for cut in cuts if cut.state is not BatchState.CUT)
    return {
        "url": redacted(task.url or ""),
        "attempts": task.attempts,
        "records_cut": sum(cut.records for cut in cuts),
        "records_settled": settled,
        "object": recorded.state.value if recorded else "",
    }
