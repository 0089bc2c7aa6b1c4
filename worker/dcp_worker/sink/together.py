"""The worker's transaction for a group of small batches: as writer.py's, each step once for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
import polars as pl
from sqlalchemy import Connection, bindparam, text

from dcp_pipeline.ledger.claimed_together import claim_together, settle_together
from dcp_pipeline.ledger.model import ClaimKind, Counts
from dcp_pipeline.observe.phases import Observer, Phase
from dcp_worker.clean.group import AT, Account, CleanedGroup
from dcp_worker.sink.counting import check_counts, counts_of
from dcp_worker.sink.dialect import Way
from dcp_worker.sink.identity import young
from dcp_worker.sink.insertion import Insertion, NotAsSent, nothing
from dcp_worker.sink.kept_rejects import keep_rejects_of
from dcp_worker.sink.shape import BATCH, ID, RECORD, CleanTable
from dcp_worker.sink.table import check_as_prepared

Outcomes = dict[str, tuple[ClaimKind, Counts | None]]
"""Batch id -> what its entry was found as, and the counts that it has now, where it was CLAIMED."""
Judge = Callable[[Connection, Sequence[Account]], None]
"""Told of the batches that are this transaction's, in the order of the queue, before anything is written."""
_IDS_PER_LOOK = 500


def _unjudged(_connection: Connection, _accounts: Sequence[Account]) -> None:
    """For a pipeline that holds nothing."""


class Sent(msgspec.Struct, frozen=True):
    """Rows that are to be inserted: each identity once, with the batch that it came with first."""

    rows: pl.DataFrame
    """As the ways to insert take them, with the id of each row's batch."""
    insertion: Insertion
    expired: Counter[str]
    """Of each batch, how many rows are not inserted, for they are too old for the spec's retention."""


class Group:
    """A group that is to be written to a table. `most_bytes`: what an object's rejects keep at most; `horizon`: rows
    below have expired."""

    def __init__(self, table: CleanTable, cleaned: CleanedGroup, way: Way, most_bytes: int, horizon: str) -> None:
        """Raises CountMismatch."""
        self._horizon = horizon
        self._table, self._cleaned, self._way, self._most_bytes = table, cleaned, way, most_bytes
        self._rows: Counter[int] = Counter()
        for frame in cleaned.frames:
            self._rows.update(frame[AT].to_list())
        for number, account in cleaned.accounts.items():
            check_counts(account.batch, account, self._rows[number])
        self._all = self._sent(cleaned.accounts)
        self.sent = sum(each.rows.height for each in self._all)
        self.stood = 0
        """Of so many rows that were sent so many stood in the table already."""

    def write(
        self, connection: Connection, pipeline: str, worker: str, observer: Observer, judge: Judge = _unjudged
    ) -> Outcomes:
        """All steps, in a transaction that may be done again. Raises NotAsSent where a row is to be looked at by
        itself, and what `judge` does."""
        accounts = self._cleaned.accounts
        claimed = claim_together(connection, pipeline, [each.batch for each in accounts.values()])
        mine = {n: each for n, each in accounts.items() if claimed[each.batch.id] is ClaimKind.CLAIMED}
        judge(connection, [mine[number] for number in sorted(mine)])
        # Where others have settled some of them, those do not count: another one with its identity is the first.
        sent = self._all if len(mine) == len(accounts) else self._sent(mine)
        written: Counter[str] = Counter()
        expired: Counter[str] = Counter()
        for each in sent:
            written += _written(connection, self._table, each)
            expired += each.expired
        self.stood = self.sent - written.total()
        if sent:
            check_as_prepared(connection, self._table, self._horizon)
        rejects = [(each.batch.id, each.batch.object_id, each.rejects) for each in mine.values()]
        kept = keep_rejects_of(connection, rejects, self._most_bytes)
        counts = {
            each.batch.id: counts_of(each, self._rows[n], written[each.batch.id], expired[each.batch.id])
            for n, each in mine.items()
        }
        settle_together(connection, pipeline, worker, {id_: (each, kept.get(id_, 0)) for id_, each in counts.items()})
        for id_ in counts:
            observer(Phase.INSERTED, id_)
        return {id_: (kind, counts.get(id_)) for id_, kind in claimed.items()}

    def _sent(self, accounts: Mapping[int, Account]) -> list[Sent]:
        every = [self._first_of_each(frame, accounts) for frame in self._cleaned.frames]
        return [self._young(rows) for rows in every if rows.height]

    def _young(self, rows: pl.DataFrame) -> Sent:
        left, expired = young(rows, self._horizon)
        way = self._way if left.height else nothing
        gone = rows.join(left.select(ID), on=ID, how="anti")[BATCH].to_list() if expired else []
        return Sent(left, way(self._table, "", left), Counter(id_.hex() for id_ in gone))

    def _first_of_each(self, frame: pl.DataFrame, accounts: Mapping[int, Account]) -> pl.DataFrame:
        """Of these batches' rows the first of each identity, sorted by it: two workers lock in one order."""
        if len(accounts) < len(self._cleaned.accounts):
            frame = frame.filter(pl.col(AT).is_in(list(accounts)))
        frame = frame.sort(ID, AT, RECORD)
        frame = frame.filter(pl.col(ID).ne_missing(pl.col(ID).shift(1)))
        ids = {number: bytes.fromhex(account.batch.id) for number, account in accounts.items()}
        batch = pl.Series(BATCH, [ids[number] for number in frame[AT].to_list()], dtype=pl.Binary)
        return frame.drop(AT).with_columns(batch)


def _written(connection: Connection, table: CleanTable, sent: Sent) -> Counter[str]:
    """Insert, and how many rows of each batch are new."""
    found, ids = sent.insertion(connection), sent.rows[ID]
    if found.refusals:
        raise NotAsSent(found.refusals[0].reason)
    if found.rows == len(ids):
        return Counter(id_.hex() for id_ in sent.rows[BATCH].to_list())
    new: Counter[str] = Counter()
    # A batch that is not settled had no rows until now: what stands there with its id is what was inserted.
    query = text(f"SELECT {BATCH} FROM {table.quoted} WHERE {ID} IN :ids AND {BATCH} IN :batches")  # noqa: S608
    query = query.bindparams(bindparam("ids", expanding=True), bindparam("batches", expanding=True))
    batches = sent.rows[BATCH].unique().to_list()
    for start in range(0, len(ids), _IDS_PER_LOOK):
        some = {"ids": ids[start : start + _IDS_PER_LOOK].to_list(), "batches": batches}
        new.update(bytes(row[0]).hex() for row in connection.execute(query, some))
    if new.total() != found.rows:
        raise NotAsSent(f"{found.rows} rows are new, and {new.total()} are found")
    return new
