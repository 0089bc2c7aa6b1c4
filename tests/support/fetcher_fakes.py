"""The fetcher's ledger, queue and inbox in memory, with failures that can be steered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime

import redis
from msgspec.structs import replace

from dcp_pipeline.batch import Batch, decode_batch
from dcp_pipeline.database.errors import LedgerConflict, LedgerWentBack, SinkUnavailable
from dcp_pipeline.ledger.counted import CountedUpTo
from dcp_pipeline.ledger.expiring.plan import Expired, Kept
from dcp_pipeline.ledger.model import (
    BatchState,
    Cut,
    DeadBatch,
    ObjectBooks,
    ObjectState,
    SourceObject,
    Task,
    TaskState,
)
from dcp_pipeline.queue.model import ForeignPipeline, Job, Mended, QueueStats


@dataclass
class Switch:
    """Raises `error` at each call while it is away. `calls` counts all of them, by name."""

    error: Exception
    away: bool = False
    calls: dict[str, int] = field(default_factory=dict)

    def call(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.away:
            raise self.error


_STATE = ("_objects", "_cuts", "_tasks", "_specs", "_reasons", "closed")


class FakeKeeper:
    """Finds nothing that is old enough."""

    def step(self, now: datetime | None = None, enough: Callable[[], bool] = lambda: False) -> Expired:
        return Expired()


class FakeLedger:
    """Objects, cuts and tasks in dictionaries; the same promises as dcp_pipeline.ledger.Ledger."""

    def __init__(self) -> None:
        self.switch = Switch(SinkUnavailable("the database is away"))
        self._lock = threading.RLock()
        self._objects: dict[str, SourceObject] = {}
        self._cuts: dict[str, dict[int, Cut]] = {}
        self._tasks: dict[str, Task] = {}
        self._specs: dict[str, bytes] = {}
        self._reasons: dict[str, str] = {}
        self.withdrawn: list[tuple[str, int]] = []
        self.commits: list[list[Cut]] = []
        self.closed = self._remembers = 0

    def objects(self, source: str, uris: Sequence[str] | None = None) -> list[SourceObject]:
        self.switch.call("objects")
        of_source = [each for each in self._objects.values() if each.source == source]
        return [each for each in of_source if uris is None or each.uri in uris][::-1]

    def unavailable_objects(self, source: str) -> list[SourceObject]:
        self.switch.call("unavailable_objects")
        return [each for each in self.objects(source)[::-1] if each.state is ObjectState.UNAVAILABLE]

    def uris_with_query(self, source: str) -> list[str]:
        self.switch.call("uris_with_query")
        return [each.uri for each in self.objects(source) if "?" in each.uri]

    def last_headers(self, source: str, count: int) -> list[tuple[str, ...]]:
        self.switch.call("last_headers")
        return [each.header for each in self.objects(source)[:count] if each.header]

    def object(self, object_id: str) -> SourceObject | None:
        self.switch.call("object")
        return self._objects.get(object_id)

    def incomplete_objects(self) -> list[SourceObject]:
        self.switch.call("incomplete_objects")
        return [
            each
            for each in self._objects.values()
            if each.state is ObjectState.CUTTING or any(cut.state is BatchState.CUT for cut in self.cuts(each.id))
        ]

    def cutting_objects(self) -> list[SourceObject]:
        return [each for each in self.incomplete_objects() if each.state is ObjectState.CUTTING]

    def open_object(self, wanted: SourceObject) -> SourceObject:
        self.switch.call("open_object")
        with self._lock:
            return self._objects.setdefault(wanted.id, wanted)

    def update_object(self, object_id: str, having_cuts: int | None = None, **changes: object) -> None:
        self.switch.call("update_object")
        with self._lock:
            if object_id not in self._objects or having_cuts not in (None, len(self._cuts.get(object_id, {}))):
                raise LedgerWentBack(f"object {object_id} is not as it was")
            self.closed += changes.get("state") in (ObjectState.CUT, ObjectState.UNAVAILABLE)
            self._remembers = max(self._remembers, self.closed)
            given = {name: value for name, value in changes.items() if value is not None}
            self._objects[object_id] = replace(self._objects[object_id], **given)  # type: ignore[arg-type]

    def cuts(self, object_id: str) -> list[Cut]:
        self.switch.call("cuts")
        with self._lock:
            return [cut for _, cut in sorted(self._cuts.get(object_id, {}).items())]

    def record_cuts(self, object_id: str, cuts: Sequence[Cut], opened: SourceObject | None = None) -> None:
        self.switch.call("record_cuts")
        with self._lock:
            standing = self._cuts.setdefault(object_id, {})
            if object_id not in self._objects or (cuts and len(standing) < cuts[0].sequence):
                raise LedgerWentBack(f"object {object_id} is not as it was")
            if opened is not None:
                self._objects[object_id] = replace(self._objects[object_id], state=ObjectState.CUTTING)
            for cut in cuts:
                before = standing.get(cut.sequence)
                if before is not None and replace(before, state=cut.state) != cut:
                    raise LedgerConflict(f"cut {cut.sequence} stands there otherwise")
            standing.update({cut.sequence: cut for cut in cuts if cut.sequence not in standing})
            self.commits.append(list(cuts))

    def record_whole(self, wanted: Sequence[tuple[SourceObject, Sequence[Cut]]]) -> frozenset[str]:
        self.switch.call("record_whole")
        with self._lock:
            fresh = [(found, cuts) for found, cuts in wanted if found.id not in self._objects]
            for found, cuts in fresh:
                self._objects[found.id] = found
                self._cuts[found.id] = {cut.sequence: cut for cut in cuts}
                self.commits.append(list(cuts))
            self.closed += len(fresh)
            self._remembers = max(self._remembers, self.closed)
            new = frozenset(found.id for found, _ in fresh)
            return new | {found.id for found, cuts in wanted if found.id not in new and self._stands(found, cuts)}

    def _stands(self, found: SourceObject, cuts: Sequence[Cut]) -> bool:
        one = self._objects[found.id]
        header = (found.revision, found.header, found.header_end, found.header_lines)
        as_read = (one.revision, one.header, one.header_end, one.header_lines) == header
        recorded = [replace(cut, state=BatchState.CUT) for cut in self._cuts.get(found.id, {}).values()]
        return one.state is ObjectState.CUT and as_read and recorded == list(cuts)

    def went_back(self) -> bool:
        went_back = self.closed < self._remembers
        self._remembers = self.closed
        return went_back

    def snapshot(self) -> dict[str, object]:
        """All that is in the database; to go back to it."""
        with self._lock:
            return deepcopy({name: self.__dict__[name] for name in _STATE})

    def go_back(self, snapshot: dict[str, object]) -> None:
        """Forget what was committed since."""
        with self._lock:
            self.__dict__.update(deepcopy(snapshot))

    def pending_ids(self) -> list[tuple[str, str]]:
        self.switch.call("pending_ids")
        pending = [(each, cut) for each in self._objects for cut in self.cuts(each) if cut.state is BatchState.CUT]
        return [(object_id, cut.batch_id) for object_id, cut in pending]

    def pending_batches(self) -> int:
        self.switch.call("pending_batches")
        return sum(cut.state is BatchState.CUT for cut in self.all_cuts())

    def keeper(self, table: str, kept: Kept | None, rejects_seconds: float | None = None) -> FakeKeeper:
        return FakeKeeper()

    def count_settled(self, after: int) -> CountedUpTo:
        """None: nothing is settled here."""
        return CountedUpTo(0, 0)

    def books_of(self, object_ids: Sequence[str]) -> list[ObjectBooks]:
        """None: nothing is settled here."""
        return []

    def mark_dead(self, batch_id: str, reason: str, attempts: int) -> bool:
        self._reasons[batch_id] = reason
        return self._set(batch_id, BatchState.DEAD)

    def revive(self, batch_ids: Sequence[str]) -> int:
        return sum(self._set(each, BatchState.CUT, before=BatchState.DEAD) for each in batch_ids)

    def dead_batches(self) -> list[DeadBatch]:
        dead = [
            (each.id, cut)
            for each in self._objects.values()
            for cut in self.cuts(each.id)
            if cut.state == BatchState.DEAD
        ]
        return [
            DeadBatch(
                batch_id=cut.batch_id,
                object_id=object_id,
                source=self._objects[object_id].source,
                uri=self._objects[object_id].uri,
                sequence=cut.sequence,
                start=cut.start,
                end=cut.end,
                records=cut.records,
                first_record=cut.first_record,
                reason=self._reasons[cut.batch_id],
                attempts=0,
                died_at=None,
            )
            for object_id, cut in dead
        ]

    def done(self, batch_ids: Sequence[str]) -> None:
        """What a worker would commit."""
        for batch_id in batch_ids:
            self._set(batch_id, BatchState.DONE)

    def withdraw_records(self, table: str, batch_id: str, first: int) -> int:
        self.withdrawn.append((batch_id, first))
        return 1

    def _set(self, batch_id: str, state: BatchState, before: BatchState = BatchState.CUT) -> bool:
        with self._lock:
            for standing in self._cuts.values():
                for sequence, cut in standing.items():
                    if cut.batch_id == batch_id and cut.state is before:
                        standing[sequence] = replace(cut, state=state)
                        return True
        return False

    def save_spec(self, revision: str, document: bytes) -> None:
        self.switch.call("save_spec")
        self._specs[revision] = document

    def spec(self, revision: str) -> bytes:
        return self._specs[revision]

    def register_task(
        self, id: str, raw: bytes, url: str | None, priority: int | None = None, source: str | None = None
    ) -> bool:
        self.switch.call("register_task")
        now = datetime.now(UTC).replace(tzinfo=None)
        task = Task(id, raw, url, priority, source, TaskState.OPEN, 0, None, None, now, now)
        return self._tasks.setdefault(id, task) is task

    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)

    def open_tasks(self) -> list[Task]:
        return [task for task in self._tasks.values() if task.state is TaskState.OPEN]

    def known_tasks(self, ids: Sequence[str]) -> frozenset[str]:
        return frozenset(ids) & frozenset(self._tasks)

    def task(self, id: str) -> Task | None:
        return self._tasks.get(id)

    def tasks(self) -> list[Task]:
        return list(self._tasks.values())

    def update_task(self, id: str, **changes: object) -> None:
        given = {name: value for name, value in changes.items() if value is not None}
        self._tasks[id] = replace(self._tasks[id], **given)  # type: ignore[arg-type]

    def purge_tasks(self, older_than_seconds: float) -> int:
        return 0

    def rename(self, object_id: str, renamed: SourceObject) -> None:
        """As if it had been recorded so."""
        self._objects = {renamed.id if key == object_id else key: each for key, each in self._objects.items()}
        self._objects[renamed.id] = renamed
        self._cuts[renamed.id] = self._cuts.pop(object_id)

    def all_objects(self) -> list[SourceObject]:
        """Oldest first."""
        return list(self._objects.values())

    def all_cuts(self) -> list[Cut]:
        with self._lock:
            return [cut for standing in self._cuts.values() for cut in standing.values()]


class FakeQueue:
    """Jobs by id, in the order in which they came."""

    def __init__(self) -> None:
        self.switch = Switch(redis.ConnectionError("Redis is away"))
        self.jobs: dict[str, Job] = {}
        self.extra_bytes = 0
        self.owner: str | None = None
        """Another pipeline, if it has one."""

    def enqueue(self, jobs: Sequence[Job], delay_seconds: float = 0) -> int:
        self.switch.call("enqueue")
        fresh = [job for job in jobs if job.id not in self.jobs]
        self.jobs.update({job.id: job for job in fresh})
        return len(fresh)

    def own(self) -> None:
        self.switch.call("own")
        if self.owner is not None:
            raise ForeignPipeline(f"the queue belongs to pipeline {self.owner}")

    def mend(self) -> Mended:
        self.switch.call("mend")
        return Mended(0, 0)

    def present(self, ids: Sequence[str]) -> frozenset[str]:
        self.switch.call("present")
        return frozenset(ids) & frozenset(self.jobs)

    def stats(self) -> QueueStats:
        self.switch.call("stats")
        held = sum(len(job.payload) for job in list(self.jobs.values()))
        return QueueStats(ready=len(self.jobs), bytes=held + self.extra_bytes)

    def flush(self, keep: Sequence[str] = ()) -> None:
        """FLUSHALL, but for some jobs."""
        self.jobs = {id_: self.jobs[id_] for id_ in keep}

    def batches(self) -> list[Batch]:
        """What was enqueued."""
        return [decode_batch(job.payload) for job in list(self.jobs.values())]


class FakeInbox:
    """The list, oldest last as in Redis, and what is told of tasks."""

    def __init__(self, *tasks: bytes) -> None:
        self.waiting = list(tasks)
        self.told: dict[str, dict[str, str | int | float]] = {}
        self.expiring: dict[str, float] = {}

    def peek(self) -> bytes | None:
        return self.waiting[0] if self.waiting else None

    def pop_if(self, raw: bytes) -> bool:
        if self.waiting and self.waiting[0] == raw:
            self.waiting.pop(0)
            return True
        return False

    def length(self) -> int:
        return len(self.waiting)

    def put_task(self, task_id: str, mapping: Mapping[str, str | int | float]) -> None:
        self.told.setdefault(task_id, {}).update(mapping)

    def requests(self) -> dict[str, bytes]:
        return {task_id: str(told["raw"]).encode() for task_id, told in self.told.items() if "raw" in told}

    def expire_task(self, task_id: str, ttl_seconds: float) -> bool:
        self.expiring[task_id] = ttl_seconds
        return True
