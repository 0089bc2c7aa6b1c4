"""The worker's transaction: the ledger entry, the rows and the rejects of a batch, all or nothing, exactly once.

Each dialect's room has the ways to insert; dialect.py says what they have in common. table.py makes and checks the
table.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec
import polars as pl
from msgspec.structs import replace
from sqlalchemy import Connection, Engine

from dcp_pipeline.batch import Batch
from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.database.transactions import Patience, Transactions
from dcp_pipeline.ledger import claims, holding, tasks
from dcp_pipeline.ledger.expiring.mark import NOTHING
from dcp_pipeline.ledger.model import ClaimKind, Counts, Reject
from dcp_pipeline.observe.phases import Observer, Phase, unobserved
from dcp_pipeline.spec.model import Cleaning, Retention
from dcp_pipeline.spec.revision import revision_from
from dcp_worker.clean.group import AT, Account, Cleaned, CleanedGroup
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.counting import check_counts, counts_of
from dcp_worker.sink.dialect import Ways
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.identity import id_bytes, young
from dcp_worker.sink.insertion import Inserted, Insertion, NotAllowed, NotAsSent, nothing
from dcp_worker.sink.kept_rejects import KEPT_BYTES_PER_OBJECT, keep_rejects, refused_records
from dcp_worker.sink.shape import ID, CleanTable
from dcp_worker.sink.table import HorizonMoved, check_as_prepared, prepare_table
from dcp_worker.sink.together import Group, Outcomes

log = logging.getLogger(__name__)

T = TypeVar("T")
_MANY = 0.1
TOGETHER_ATTEMPTS = 2
"""Groups that hold the same records lock them in different orders, one batch never: who meets a deadlock twice has its
batches tried one by one, rather than all of it again and again."""
Seen = Callable[[str, int, pl.DataFrame], None]
"""Told of what was committed: the source, how many records were read, and the rows that they became."""
NO_ROWS = Ways(nothing, nothing)


class CommitKind(StrEnum):
    """What became of a commit."""

    COMMITTED = "committed"
    ALREADY_DONE = "already-done"
    """It was committed before: by another worker, or by this one when it did not learn of it."""
    DEAD = "dead"
    """It was given up meanwhile. Nothing was written."""
    UNKNOWN_BATCH = "unknown-batch"
    """The ledger does not know it. Nothing was written."""


class CommitOutcome(msgspec.Struct, frozen=True):
    """What became of a commit, and the counts that the ledger has of the batch."""

    kind: CommitKind
    counts: Counts | None = None


class SinkWriter:
    """Writes the batches of one pipeline to its table. Thread-safe once prepared."""

    def __init__(
        self,
        engine: Engine,
        pipeline_key: str,
        table: str,
        *,
        kept_bytes_per_object: int = KEPT_BYTES_PER_OBJECT,
        patience: Patience | None = None,
        hold: holding.HoldLimit | None = None,
        seen: Seen | None = None,
        retention: Retention | None = None,
    ) -> None:
        self._hold, self._seen, self._retention = hold, seen, retention
        self._pipeline, self._name = pipeline_key, table
        self.kept_bytes_per_object = kept_bytes_per_object
        self._transactions = Transactions(engine, patience)
        self._together = Transactions(engine, replace(patience or Patience(), attempts=TOGETHER_ATTEMPTS))
        self._dialect = sink_dialect_of(engine)
        self._table: CleanTable | None = None
        self._many_stand_already = False
        self._horizon = NOTHING
        """As it was last seen; each transaction looks whether it is still so."""

    def prepare(self, cleaning: Cleaning) -> Mapping[str, ColumnLimit]:
        """Make the table, or check the one that stands; what its columns can hold.

        Raises TableMismatch naming the column, what stands there and how to mend it; SinkUnavailable.
        """
        prepared = self._transactions.write(lambda each: prepare_table(each, cleaning, self._name, self._retention))
        self._table = prepared.table
        return prepared.limits

    @property
    def table(self) -> CleanTable:
        """The table as prepare found it."""
        if self._table is None:
            raise LedgerError(f"table {self._name} has not been prepared")
        return self._table

    def commit(self, batch: Batch, cleaned: Cleaned, *, worker: str, observer: Observer = unobserved) -> CommitOutcome:
        """Write what came of a batch, once, however often this is called.

        Raises CountMismatch; TooManyRejected, where its object waits for a person; SinkUnavailable, where it is to be
        tried again later.
        """
        check_counts(batch, cleaned, cleaned.rows.height)
        rows = cleaned.rows.sort(ID)
        outcome = self.insert(
            batch.id,
            rows,
            lambda connection, insertion: self._settle(connection, batch, cleaned, insertion, worker, observer),
        )
        if outcome.kind is CommitKind.COMMITTED and outcome.counts:
            # A guess at the next batch's way, which changes its speed only: a file that is read again stays so.
            standing = outcome.counts.duplicates - cleaned.duplicates
            self._many_stand_already = standing > rows.height * _MANY
            if self._seen is not None:
                self._seen(batch.source, cleaned.read, cleaned.rows)
            observer(Phase.COMMITTED, batch.id)
        return outcome

    def commit_together(
        self, cleaned: CleanedGroup, *, worker: str, observer: Observer = unobserved
    ) -> dict[int, CommitOutcome]:
        """The same of several batches in one transaction, all of them or none: number -> what became of it.

        Raises what commit raises, NotAsSent where a row has to be looked at by itself, and SinkBusy where others hold
        the same records; then nothing was written.
        """
        ways = self._dialect.ways(self.table, self._many_stand_already)
        for frame in cleaned.frames:
            self._check_identities(frame, "a group")

        def write(horizon: str) -> tuple[Group, Outcomes]:
            group = Group(self.table, cleaned, ways.fast, self.kept_bytes_per_object, horizon)

            return group, self._together.write(
                lambda connection: group.write(connection, self._pipeline, worker, observer, self._judge_together)
            )

        group, found = self._by_horizon(write)
        outcomes = {}
        for number, account in cleaned.accounts.items():
            kind, counts = found[account.batch.id]
            if kind is ClaimKind.CLAIMED:
                observer(Phase.COMMITTED, account.batch.id)
            outcomes[number] = CommitOutcome(_KINDS[kind], counts)
        self._many_stand_already = group.stood > group.sent * _MANY
        if self._seen is not None:
            _see_together(self._seen, cleaned, outcomes)
        return outcomes

    def _judge_together(self, connection: Connection, accounts: Sequence[Account]) -> None:
        """Each as by itself, with those before it. Raises TooManyRejected where one is to be held: each is then judged
        by itself."""
        if self._hold is None:
            return
        counts: dict[str, Counts] = {}
        judged = holding.judged(connection, self._pipeline, {each.batch.object_id for each in accounts})
        for each in accounts:
            id_, before = each.batch.object_id, counts.get(each.batch.object_id, Counts(0, 0, 0, 0))
            counts[id_] = Counts(before.read + each.read, 0, 0, before.rejected + len(each.rejects))
            if id_ in judged and self._hold.exceeded(Counts(each.read, 0, 0, len(each.rejects))):
                holding.check_counts(connection, id_, counts[id_], self._hold)

    def insert(self, batch_id: str, rows: pl.DataFrame, work: Callable[[Connection, Insertion], T]) -> T:
        """One transaction of `work`, which is given the way to insert the rows; where the fast way would not
        store them as they are, another transaction with the careful way.

        Raises SinkUnavailable.
        """
        return self._by_horizon(lambda horizon: self._insert(batch_id, rows, work, horizon))

    def _by_horizon(self, write: Callable[[str], T]) -> T:
        """`write` with the horizon as it was last seen, until it was that when the rows were in."""
        while True:
            try:
                return write(self._horizon)
            except HorizonMoved as moved:
                self._horizon = moved.horizon

    def _insert(self, batch_id: str, rows: pl.DataFrame, work: Callable[[Connection, Insertion], T], horizon: str) -> T:
        rows, expired = young(rows, horizon)
        ways = self._ways(batch_id, rows)
        try:
            return self._written(ways.fast(self.table, batch_id, rows), rows.height, expired, work, horizon)
        except NotAsSent as error:
            log.info("batch is written carefully", extra={"batch": batch_id, "why": str(error)})
            if isinstance(error, NotAllowed):
                self._table = self._dialect.slower(self.table)
        return self._written(ways.careful(self.table, batch_id, rows), rows.height, expired, work, horizon)

    def _check_identities(self, rows: pl.DataFrame, whose: str) -> None:
        if rows.height and len(rows[ID][0]) != id_bytes(self.table.ordered):
            raise LedgerError(f"table {self._name}: {whose} was cleaned for a table with other identities")

    def _ways(self, batch_id: str, rows: pl.DataFrame) -> Ways:
        self._check_identities(rows, f"batch {batch_id}")
        return self._dialect.ways(self.table, self._many_stand_already) if rows.height else NO_ROWS

    def _written(
        self,
        insertion: Insertion,
        height: int,
        expired: int,
        work: Callable[[Connection, Insertion], T],
        horizon: str,
    ) -> T:
        def insert(connection: Connection) -> Inserted:
            inserted = _with_expired(insertion, expired)(connection)
            if height or expired:
                check_as_prepared(connection, self.table, horizon)
            return inserted

        return self._transactions.write(lambda connection: work(connection, insert))

    def _settle(
        self,
        connection: Connection,
        batch: Batch,
        cleaned: Cleaned,
        insertion: Insertion,
        worker: str,
        observer: Observer,
    ) -> CommitOutcome:
        claimed = claims.claim(connection, self._pipeline, batch.id, worker)
        if claimed is not ClaimKind.CLAIMED:
            return CommitOutcome(_KINDS[claimed], claims.settled_counts(connection, batch.id))
        claims.check(connection, [batch])
        judged = self._hold is not None and holding.judged(connection, self._pipeline, [batch.object_id])
        inserted = insertion(connection)
        rejects = [*cleaned.rejects, *self._refused(connection, batch, inserted)]
        kept = keep_rejects(connection, batch.id, batch.object_id, rejects, self.kept_bytes_per_object)
        counts = counts_of(cleaned, cleaned.rows.height, inserted.rows, inserted.expired, len(inserted.refusals))
        if self._hold is not None and judged:
            holding.check_counts(connection, batch.object_id, counts, self._hold)
        claims.settle(connection, batch.id, counts, kept)
        observer(Phase.INSERTED, batch.id)
        return CommitOutcome(CommitKind.COMMITTED, counts)

    def _refused(self, connection: Connection, batch: Batch, inserted: Inserted) -> list[Reject]:
        if not inserted.refusals:
            return []
        document = tasks.spec(connection, self._pipeline, batch.revision)
        if document is None:
            raise LedgerError(f"the ledger of {self._pipeline} holds no revision {batch.revision} of the spec")
        return refused_records(batch, revision_from(document).format, inserted.refusals)


_KINDS = {
    ClaimKind.CLAIMED: CommitKind.COMMITTED,
    ClaimKind.ALREADY_DONE: CommitKind.ALREADY_DONE,
    ClaimKind.DEAD: CommitKind.DEAD,
    ClaimKind.UNKNOWN: CommitKind.UNKNOWN_BATCH,
}


def _see_together(seen: Seen, cleaned: CleanedGroup, outcomes: Mapping[int, CommitOutcome]) -> None:
    read: dict[str, dict[int, int]] = {}
    for number, account in cleaned.accounts.items():
        if outcomes[number].kind is CommitKind.COMMITTED:
            read.setdefault(account.batch.source, {})[number] = account.read
    for source, numbers in read.items():
        seen(source, sum(numbers.values()), pl.DataFrame())
        for frame in cleaned.frames:
            rows = frame.filter(pl.col(AT).is_in(list(numbers)))
            # Of one batch each identity once, as of a batch by itself: how much goes together says nothing of the feed.
            seen(source, 0, rows.unique([AT, ID], keep="first", maintain_order=True))


def _with_expired(insertion: Insertion, expired: int) -> Insertion:
    return (lambda connection: replace(insertion(connection), expired=expired)) if expired else insertion
