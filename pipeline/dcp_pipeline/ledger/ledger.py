"""The ledger of one pipeline: what the fetcher, the workers and the command line ask of the sink's database.

This is the table of contents; each method is one transaction over a function of objects.py, claims.py, tasks.py or
books.py. The worker's own transaction is in dcp_worker.sink.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Patience, Transactions, TryAgain, Work
from dcp_pipeline.ledger import books, claims, counted, holding, objects, tasks
from dcp_pipeline.ledger.counted import CountedUpTo
from dcp_pipeline.ledger.epoch import Epoch
from dcp_pipeline.ledger.holding import HeldObject
from dcp_pipeline.ledger.looking import neighbours, overview
from dcp_pipeline.ledger.looking.overview import Overview, Totals
from dcp_pipeline.ledger.model import (
    Books,
    Cut,
    DeadBatch,
    ObjectBooks,
    ObjectState,
    RejectFilter,
    SourceObject,
    Standing,
    StoredReject,
    Task,
    TaskState,
)
from dcp_pipeline.ledger.schema import check_schema, prepare_schema
from dcp_pipeline.spec.model import Spec

if TYPE_CHECKING:
    from dcp_pipeline.ledger.expiring.keeper import Keeper
    from dcp_pipeline.ledger.expiring.plan import Kept
    from dcp_pipeline.ledger.looking.days import Noted
    from dcp_pipeline.ledger.looking.expectations import Verdict
    from dcp_pipeline.ledger.looking.sight import Sight

T = TypeVar("T")
_PAGE = 500
ANY_OPEN = RejectFilter()


class Ledger:
    """What stands in the database about the pipeline `pipeline_key` (namespace/name). Thread-safe.

    Every method may raise SinkUnavailable: nothing was changed, and the same call may be made again.
    """

    def __init__(self, engine: Engine, pipeline_key: str, patience: Patience | None = None) -> None:
        self.engine = engine
        self.pipeline = pipeline_key
        self._transactions = Transactions(engine, patience)
        self._epoch = Epoch(pipeline_key)

    def prepare(self) -> None:
        """Make the ledger's tables where they do not stand. To be called once at start.

        Raises LedgerVersion where a newer release made them.
        """
        prepare_schema(self.engine)

    def check(self) -> None:
        """For those who look at what others made: change nothing.

        Raises LedgerVersion where there are no tables, or those of another release.
        """
        check_schema(self.engine)

    def warnings(self) -> list[str]:
        """What the server is set to that weakens a commit, for people."""
        return self._transactions.read(dialect_of(self.engine).warnings)

    def other_writer(self, table: str) -> str | None:
        """Another pipeline of which a row stands in the clean table, where this one has recorded no object yet."""
        return self._transactions.read(lambda each: neighbours.other_writer(each, self.pipeline, table))

    def ping(self) -> None:
        """Return when the database answers."""
        self._transactions.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())

    # What the fetcher records.

    def objects(self, source: str, uris: Sequence[str] | None = None) -> list[SourceObject]:
        """A source's objects (of these uris), newest first."""
        return self._transactions.read(lambda each: objects.objects(each, self.pipeline, source, uris))

    def unavailable_objects(self, source: str) -> list[SourceObject]:
        """A source's objects that could not be read, oldest first."""
        return self._transactions.read(lambda each: objects.unavailable_objects(each, self.pipeline, source))

    def uris_with_query(self, source: str) -> list[str]:
        """The uris of a source's objects that hold a question mark."""
        return self._transactions.read(lambda each: objects.uris_with_query(each, self.pipeline, source))

    def last_headers(self, source: str, count: int) -> list[tuple[str, ...]]:
        """The different headers among a source's last `count` objects."""
        return self._transactions.read(lambda each: objects.last_headers(each, self.pipeline, source, count))

    def object(self, object_id: str) -> SourceObject | None:
        """One object."""
        return self._transactions.read(lambda each: objects.object_of(each, self.pipeline, object_id))

    def incomplete_objects(self) -> list[SourceObject]:
        """Objects that are being cut, or have batches that are not settled. Oldest first."""
        return self._transactions.read(lambda each: objects.incomplete_objects(each, self.pipeline))

    def cutting_objects(self) -> list[SourceObject]:
        """Objects that are being cut. Oldest first."""
        return self._transactions.read(lambda each: objects.cutting_objects(each, self.pipeline))

    def open_object(self, wanted: SourceObject) -> SourceObject:
        """Record an object unless its id is recorded; what is recorded then."""
        return self._insert(lambda each: objects.open_object(each, self.pipeline, wanted))

    def update_object(
        self,
        object_id: str,
        *,
        state: ObjectState | None = None,
        header: tuple[str, ...] | None = None,
        header_end: int | None = None,
        header_lines: int | None = None,
        etag: str | None = None,
        last_modified: str | None = None,
        size_bytes: int | None = None,
        reason: str | None = None,
        having_cuts: int | None = None,
    ) -> None:
        """Change what is given; None leaves as it is. `having_cuts`: only where the object has exactly so many.

        Raises LedgerWentBack where there is no such object, or where it has other cuts.
        """
        given = {
            "state": state,
            "header": header,
            "header_end": header_end,
            "header_lines": header_lines,
            "etag": etag,
            "last_modified": last_modified,
            "size_bytes": size_bytes,
            "reason": reason,
        }
        changes = {name: value for name, value in given.items() if value is not None}

        def update(connection: Connection) -> int | None:
            objects.update_object(connection, self.pipeline, object_id, changes, having_cuts)
            closed = state is not None and state is not ObjectState.CUTTING
            return self._epoch.raised(connection) if closed else None

        if (number := self._insert(update)) is not None:
            self._epoch.known(number)

    def decide_object(self, object_id: str, state: ObjectState, reason: str) -> None:
        """What a person says about an object: the fetcher, who remembers none of it, is not to miss it.

        Raises LedgerWentBack where there is no such object.
        """
        changes: dict[str, Any] = {"state": state, "reason": reason}
        self._insert(lambda each: objects.update_object(each, self.pipeline, object_id, changes, None))

    def cuts(self, object_id: str) -> list[Cut]:
        """An object's cuts with their states, by sequence."""
        return self._transactions.read(lambda each: objects.cuts(each, object_id))

    def record_cuts(self, object_id: str, cuts: Sequence[Cut], opened: SourceObject | None = None) -> None:
        """Record cuts in one transaction, behind those that they follow; identical ones that are recorded already stay
        as they are. `opened`: the object as it is remembered.

        Raises LedgerWentBack where what they follow is not recorded any more; LedgerConflict where another range or
        digest stands under a sequence.
        """
        self._insert(lambda each: objects.record_cuts(each, self.pipeline, object_id, cuts, opened))

    def record_whole(self, wanted: Sequence[tuple[SourceObject, Sequence[Cut]]]) -> frozenset[str]:
        """Record many objects that were read to their ends, with all their cuts, in one transaction; the ids of those
        that stand there so now. One that stands there otherwise is left as it is, and left out."""

        def record(connection: Connection) -> tuple[frozenset[str], int]:
            recorded = objects.record_whole(connection, self.pipeline, wanted)
            return recorded, self._epoch.raised(connection)

        recorded, number = self._insert(record)
        self._epoch.known(number)
        return recorded

    def went_back(self) -> bool:
        """Whether the database has forgotten an object that was closed through here, since this was asked last."""
        self._transactions.read(self._epoch.looked)
        return self._epoch.went_back()

    def pending_batches(self) -> int:
        """How many batches are recorded and neither done nor dead."""
        return self._transactions.read(lambda each: objects.pending_batches(each, self.pipeline))

    def pending_ids(self) -> list[tuple[str, str]]:
        """(object, batch) of what is recorded and neither done nor dead."""
        return self._transactions.read(lambda each: objects.pending_ids(each, self.pipeline))

    # Revisions of the spec.

    def save_spec(self, revision: str, document: bytes) -> None:
        """Keep the document that objects of this revision are read with."""
        self._insert(lambda each: tasks.save_spec(each, self.pipeline, revision, document))

    def spec(self, revision: str) -> bytes:
        """The document of a revision. Raises LedgerError where it was never saved."""
        document = self._transactions.read(lambda each: tasks.spec(each, self.pipeline, revision))
        if document is None:
            raise LedgerError(f"the ledger of {self.pipeline} holds no revision {revision} of the spec")
        return document

    def withdraw_records(self, table: str, batch_id: str, first: int) -> int:
        """Take the records of a settled batch from `first` on out of the table and the rejects; how many there were.

        They count as duplicates from now on: of the record that they were the beginning of. So do all records of a
        dead batch.
        """
        return self._transactions.write(
            lambda each: claims.withdraw_records(each, self.pipeline, table, batch_id, first)
        )

    # Dead batches.

    def mark_dead(self, batch_id: str, reason: str, attempts: int) -> bool:
        """Give a pending batch up; False where it is settled already, or unknown."""
        return self._transactions.write(lambda each: claims.mark_dead(each, self.pipeline, batch_id, reason, attempts))

    def revive(self, batch_ids: Sequence[str]) -> int:
        """Make dead batches pending again; how many of them were dead."""
        return self._transactions.write(lambda each: claims.revive(each, self.pipeline, batch_ids))

    def requeued(self, batch_ids: Sequence[str]) -> None:
        """The queue was told of batches that were revived."""
        self._transactions.write(lambda each: claims.requeued(each, self.pipeline, batch_ids))

    def requeueing(self) -> list[str]:
        """Batches that were revived, and of which the queue may not have been told."""
        return self._transactions.read(lambda each: claims.requeueing(each, self.pipeline))

    def standings(self, batch_ids: Sequence[str]) -> dict[str, Standing]:
        """How far these batches are; those that the ledger does not know are left out."""
        return self._transactions.read(lambda each: claims.standings(each, self.pipeline, batch_ids))

    def dead_batches(self) -> list[DeadBatch]:
        """The batches that were given up."""
        return self._transactions.read(lambda each: claims.dead_batches(each, self.pipeline))

    def note_days(self, noted: Noted) -> None:
        """Add to what the days brought."""
        from dcp_pipeline.ledger.looking.days import note

        self._insert(lambda each: note(each, self.pipeline, noted))

    # Objects that are held.

    def held(self) -> tuple[HeldObject, ...]:
        """What waits for a person, since too much of it is rejected."""
        return self._transactions.read(lambda each: holding.held_objects(each, self.pipeline))

    def release(self, object_id: str) -> list[str]:
        """Take a held object as it is; its batches, of which the queue is still to be told (requeued())."""
        return self._transactions.write(lambda each: holding.release(each, self.pipeline, object_id))

    def drop(self, object_id: str) -> list[str]:
        """Leave out what waits of a held object; its batches."""
        return self._transactions.write(lambda each: holding.drop(each, self.pipeline, object_id))

    # Tasks of the inbox.

    def register_task(
        self, id: str, raw: bytes, url: str | None, priority: int | None = None, source: str | None = None
    ) -> bool:
        """Record an open task; False where its id is recorded already. Raises ValueError for a bad id."""
        wanted = {"id": id, "raw": raw, "url": url, "priority": priority, "source": source}
        return self._insert(lambda each: tasks.register_task(each, self.pipeline, wanted))

    def now(self) -> datetime:
        """The database's clock, by which tasks were created: UTC, without zone."""
        return self._transactions.read(lambda each: tasks.seconds_ago(each, 0))

    def open_tasks(self) -> list[Task]:
        """The tasks that are not finished, in the order in which they came."""
        return self._transactions.read(lambda each: tasks.open_tasks(each, self.pipeline))

    def known_tasks(self, ids: Sequence[str]) -> frozenset[str]:
        """Which of these tasks are recorded, finished or not."""
        return self._transactions.read(lambda each: tasks.known_tasks(each, self.pipeline, ids))

    def task(self, id: str) -> Task | None:
        """One task."""
        return self._transactions.read(lambda each: tasks.task(each, self.pipeline, id))

    def update_task(
        self,
        id: str,
        *,
        state: TaskState | str | None = None,
        attempts: int | None = None,
        object_id: str | None = None,
        reason: str | None = None,
        url: str | None = None,
        raw: bytes | None = None,
    ) -> None:
        """Change what is given; None leaves as it is. Raises LedgerConflict where there is no such task."""
        given = {"state": state, "attempts": attempts, "object_id": object_id, "reason": reason, "url": url, "raw": raw}
        changes = {name: value for name, value in given.items() if value is not None}
        self._transactions.write(lambda each: tasks.update_task(each, self.pipeline, id, changes))

    def purge_tasks(self, older_than_seconds: float) -> int:
        """Forget tasks that were finished so long ago; how many."""
        return self._transactions.write(lambda each: tasks.purge_tasks(each, self.pipeline, older_than_seconds))

    def keeper(self, table: str, kept: Kept | None, rejects_seconds: float | None = None) -> Keeper:
        """Who takes rows out of the table, and forgets rejects, when they are old enough."""
        from dcp_pipeline.ledger.expiring.keeper import Keeper

        return Keeper(self._transactions, self.pipeline, table, kept, rejects_seconds)

    # The books.

    def old_objects(self, source: str, before: datetime, after: int) -> list[tuple[int, str, str]]:
        """(number, id, uri) of a page of a source's objects that are counted and have not changed since `before`."""
        from dcp_pipeline.ledger.expiring.objects import old_objects  # for the few who keep objects only so long

        return self._transactions.read(lambda each: old_objects(each, self.pipeline, source, before, after))

    def forget_objects(self, object_ids: Sequence[str], before: datetime) -> int:
        """Forget those of these objects of which nothing is left; how many."""
        from dcp_pipeline.ledger.expiring.objects import forget_objects

        return self._transactions.write(lambda each: forget_objects(each, self.pipeline, object_ids, before))

    def books_of(self, object_ids: Sequence[str]) -> tuple[ObjectBooks, ...]:
        """The books of some objects only."""
        return self._transactions.read(lambda each: books.books_of(each, self.pipeline, object_ids))

    def books(self) -> Books:
        """The books of all objects, oldest first, in memory: where there are few. See overview()."""
        return self._transactions.read(lambda each: books.books(each, self.pipeline))

    def totals(self) -> Totals:
        """The sums over all objects; it costs what is not counted yet."""
        return self._transactions.read(lambda each: overview.totals(each, self.pipeline))

    def overview(self) -> Overview:
        """The sums, and the objects that people look at; it costs what is new or wrong."""
        return self._transactions.read(lambda each: overview.overview(each, self.pipeline))

    def unavailable_books(self) -> tuple[ObjectBooks, ...]:
        """The books of all objects that are unavailable, oldest first."""
        return self._transactions.read(lambda each: overview.unavailable_objects(each, self.pipeline))

    def count_settled(self, after: int) -> CountedUpTo:
        """Count some objects behind the number `after` whose books are closed, so that nobody sums them up again."""
        return self._insert(lambda each: counted.count_settled(each, self.pipeline, after))

    def count_anew(self) -> None:
        """Forget the totals: the fetcher counts again."""
        self._transactions.write(lambda each: counted.count_anew(each, self.pipeline))

    def expectations(self, spec: Spec) -> tuple[Verdict, ...]:
        """Whether what the spec expects is met; nothing where it expects nothing, and then nothing is asked."""
        from dcp_pipeline.ledger.looking.expectations import expectations

        sources = [each.name for each in spec.sources]
        return self._transactions.read(lambda each: expectations(each, self.pipeline, spec.expect, sources))

    def sight(self, spec: Spec) -> Sight:
        """What somebody may have to be told."""
        from dcp_pipeline.ledger.looking.sight import sight

        return self._transactions.read(lambda each: sight(each, self.pipeline, spec))

    def rows_written_since(self, seconds: float) -> int:
        """Rows committed in the last `seconds`, by the database's clock."""
        return self._transactions.read(lambda each: books.rows_written_since(each, self.pipeline, seconds))

    def count_rejects(self, wanted: RejectFilter = ANY_OPEN) -> int:
        """How many rejects there are of this kind."""
        return self._transactions.read(lambda each: books.count_rejects(each, self.pipeline, wanted))

    def rejects(
        self, wanted: RejectFilter = ANY_OPEN, offset: int = 0, limit: int | None = None
    ) -> Iterator[StoredReject]:
        """Rejects by object and record, read a page at a time."""
        return islice(self._all_rejects(wanted), offset, None if limit is None else offset + limit)

    def _all_rejects(self, wanted: RejectFilter) -> Iterator[StoredReject]:
        for object_id in self.objects_with_rejects(wanted):
            yield from self.rejects_of(object_id, wanted)

    def objects_with_rejects(self, wanted: RejectFilter = ANY_OPEN) -> list[str]:
        """The ids of the objects that have such rejects, oldest first."""
        return self._transactions.read(lambda each: books.objects_with_rejects(each, self.pipeline, wanted))

    def rejects_of(self, object_id: str, wanted: RejectFilter = ANY_OPEN) -> Iterator[StoredReject]:
        """An object's rejects by record, read a page at a time."""
        after = (-1, "")
        while page := self._page(object_id, wanted, after):
            yield from page
            after = (page[-1].record, page[-1].batch_id)

    def _page(self, object_id: str, wanted: RejectFilter, after: tuple[int, str]) -> list[StoredReject]:
        return self._transactions.read(
            lambda each: books.rejects_of(each, self.pipeline, wanted, object_id, after, _PAGE)
        )

    def _insert(self, work: Work[T]) -> T:
        """Work that looks before it inserts: where another inserted in between, it looks again."""

        def insert_once(connection: Any) -> T:
            try:
                return work(connection)
            except IntegrityError as error:
                raise TryAgain("another process recorded the same just now") from error

        return self._transactions.write(insert_once)
