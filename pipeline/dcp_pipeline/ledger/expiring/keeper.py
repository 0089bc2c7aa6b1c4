"""Rows that are old enough expire: no more are taken, those that stand are counted, and they go.

    raise the horizon   waits for transactions of workers that did not see it: no row below comes any more
    count               some thousand rows a transaction: each batch's entry and the totals say how many expired
    drop                the partitions that are counted to their end, in milliseconds
    strike the mark     nothing is counted that stands

Killed between any two, the next keeper goes on: what is counted says so in the transaction that counts (mark.py), so
nothing is counted twice, and the partition is dropped later. Where the table has no partitions, rows are deleted in the
transaction that counts them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, func, select, update

from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.dialect import Partitioning
from dcp_pipeline.database.errors import SinkDenied
from dcp_pipeline.database.horizon import FIRST, counted_key, horizon_key
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Patience, Transactions, TryAgain
from dcp_pipeline.ledger.claims import check_stays
from dcp_pipeline.ledger.counted import count_expired
from dcp_pipeline.ledger.expiring.mark import NOTHING, note, write
from dcp_pipeline.ledger.expiring.plan import Expired, Kept, horizon, more_bounds
from dcp_pipeline.ledger.expiring.rejects import forget_rejects
from dcp_pipeline.ledger.tables import BATCHES, META

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 20_000
_BATCHES_AT_ONCE = 500
_PARTITIONS_AT_ONCE = 4


class _Standing(msgspec.Struct, frozen=True):
    """What is found: the two notes, and the bounds of partitions."""

    horizon: str
    counted: str
    bounds: tuple[str, ...] | None


class _Ordered(msgspec.Struct, frozen=True):
    """Of a table's recorded identity: what its rows lie in the order of."""

    ordered_by: str | None = None


class Keeper:
    """Keeps the rows of one table only so long. One at a time."""

    def __init__(
        self, transactions: Transactions, pipeline: str, table: str, kept: Kept | None, rejects_seconds: float | None
    ) -> None:
        """`kept`: None where the spec keeps rows for ever, though it may not always have done so. `rejects_seconds`: of
        rejects; None: for ever."""
        self._pipeline, self._rejects_seconds = pipeline, rejects_seconds
        self._transactions, self._table, self._kept = transactions, table, kept
        # Behind an ALTER TABLE that waits, every writer waits: it is tried once, and again at the next step.
        self._alone = Transactions(transactions.engine, Patience(attempts=1))
        self._quoted = transactions.engine.dialect.identifier_preparer.quote_identifier(table)
        self._partitioning: Partitioning | None = dialect_of(transactions.engine).partitioning

    def step(self, now: datetime | None = None, enough: Callable[[], bool] = lambda: False) -> Expired:
        """Do what is due by the earlier of the database's clock and `now` (UTC), until there is `enough`.

        Raises SinkUnavailable; SinkBusy where somebody reads the table for long. The next call goes on.
        """
        found = self._transactions.read(self._standing)
        if found is None and self._rejects_seconds is None:
            return Expired()
        of_database = self._transactions.read(lambda each: each.execute(select(utc_now())).scalar_one())
        moment = min(of_database, now or datetime.now(UTC).replace(tzinfo=None))
        forgotten = 0
        if (keep := self._rejects_seconds) is not None:
            forgotten = forget_rejects(self._transactions, self._pipeline, keep, moment, enough)
        return replace(Expired() if found is None else self._rows(found, moment, enough), rejects=forgotten)

    def _rows(self, standing: _Standing, moment: datetime, enough: Callable[[], bool]) -> Expired:
        due = NOTHING if self._kept is None else horizon(self._kept, moment)
        if due > standing.horizon:
            self._transactions.write(lambda each: self._raise(each, due))
        rows, whole = self._count(_below(standing, due), standing.bounds is not None, enough)
        dropped = self._drop() if whole and standing.bounds is not None else 0
        if whole and due < standing.horizon:
            # It is to be kept for longer now: nothing is counted that still stands.
            self._transactions.write(lambda each: write(each, horizon_key(self._table), due))
        if self._kept is not None and standing.bounds is not None:
            wanted = more_bounds(self._kept, moment, standing.bounds)
            if wanted:
                self._alone.write(lambda each: self._add(each, wanted))
        return Expired(rows=rows, partitions=dropped, whole=whole)

    def _standing(self, connection: Connection) -> _Standing | None:
        """None where there is nothing to do."""
        before = note(connection, horizon_key(self._table))
        if before is None or (before == NOTHING and self._kept is None):
            return None
        if self._kept is not None and not self._is_ordered(connection, self._kept):
            return None
        counted = note(connection, counted_key(self._table)) or NOTHING
        return _Standing(before, counted, self._bounds(connection))

    def _is_ordered(self, connection: Connection, kept: Kept) -> bool:
        """A worker says so at its start where it is not (sink/table.py)."""
        document = connection.execute(select(META.c.value).where(META.c.name == f"table/{self._table}")).scalar()
        return document is not None and msgspec.json.decode(document, type=_Ordered).ordered_by == kept.by

    def _bounds(self, connection: Connection) -> tuple[str, ...] | None:
        return None if self._partitioning is None else self._partitioning.bounds(connection, self._table)

    def _raise(self, connection: Connection, due: str) -> None:
        standing = note(connection, horizon_key(self._table), locked=True)
        if standing is not None and standing < due:
            write(connection, horizon_key(self._table), due)

    def _count(self, below: str, marks: bool, enough: Callable[[], bool]) -> tuple[int, bool]:
        """How many rows were counted, and whether all that are due now are."""
        rows = 0
        while below:
            number = self._transactions.write(lambda each: self._chunk(each, below, marks))
            if number is None:
                break
            rows += number
            if enough():
                return rows, False
        return rows, True

    def _chunk(self, connection: Connection, below: str, marks: bool) -> int | None:
        """Count some rows, in the order of their identities; None where all below are counted. They are marked, where
        their partition will be dropped, or deleted."""
        key = counted_key(self._table)
        begin = note(connection, key, locked=True) or FIRST
        if begin >= below:
            return None
        end = self._end(connection, begin, below)
        those = f"_dcp_id >= x'{begin}' AND _dcp_id < x'{end}'"
        batch = dialect_of(connection).hex_of("_dcp_batch")
        query = f"SELECT {batch} AS id, COUNT(*) AS n FROM {self._quoted} WHERE {those} GROUP BY _dcp_batch"  # noqa: S608
        found = {row.id: int(row.n) for row in connection.exec_driver_sql(query)}
        rows = sum(found.values())
        if marks:
            write(connection, key, end)
        elif not rows:
            return None
        else:
            deleted = connection.exec_driver_sql(f"DELETE FROM {self._quoted} WHERE {those}").rowcount  # noqa: S608
            if deleted != rows:
                raise TryAgain(f"of {rows} rows that are to expire, {deleted} were there to be deleted")
        check_stays(connection, self._table)
        _count_batches(connection, found)
        return rows

    def _end(self, connection: Connection, begin: str, below: str) -> str:
        """The identity behind the next ROWS_AT_ONCE."""
        query = (
            f"SELECT {dialect_of(connection).hex_of('_dcp_id')} FROM {self._quoted} "  # noqa: S608
            f"WHERE _dcp_id >= x'{begin}' AND _dcp_id < x'{below}' ORDER BY _dcp_id LIMIT 1 OFFSET {ROWS_AT_ONCE}"
        )
        found = connection.exec_driver_sql(query).scalar()
        return below if found is None else str(found)

    def _drop(self) -> int:
        """Drop what is counted to its end, and strike the mark; how many partitions."""
        counted = self._transactions.read(lambda each: note(each, counted_key(self._table)))
        if not counted:
            return 0
        dropped = 0
        try:
            while number := self._alone.write(lambda each: self._drop_below(each, counted)):
                dropped += number
        except SinkDenied as error:
            log.warning(
                "partitions of %s cannot be dropped, so that their rows are deleted, which takes longer: GRANT DROP ON "
                "the table to the pipeline's user (%s)",
                self._table,
                error,
            )
            while self._transactions.write(lambda each: self._delete_below(each, counted)):
                pass
        self._transactions.write(lambda each: write(each, counted_key(self._table), NOTHING))
        return dropped

    def _delete_below(self, connection: Connection, counted: str) -> int:
        """Some of the rows that are counted."""
        query = (
            f"DELETE FROM {self._quoted} WHERE _dcp_id >= x'{FIRST}' AND _dcp_id < x'{counted}' LIMIT {ROWS_AT_ONCE}"  # noqa: S608
        )
        return connection.exec_driver_sql(query).rowcount

    def _drop_below(self, connection: Connection, counted: str) -> int:
        """Some of the partitions that are counted: writers wait meanwhile."""
        with dialect_of(connection).ddl_lock(connection):
            check_stays(connection, self._table)
            gone = [each for each in self._bounds(connection) or () if FIRST < each <= counted][:_PARTITIONS_AT_ONCE]
            if gone and self._partitioning is not None:
                self._partitioning.drop(connection, self._table, gone)
        return len(gone)

    def _add(self, connection: Connection, wanted: tuple[str, ...]) -> None:
        with dialect_of(connection).ddl_lock(connection):
            check_stays(connection, self._table)
            standing = self._bounds(connection)
            more = [each for each in wanted if standing is not None and each > max(standing, default=FIRST)]
            if more and self._partitioning is not None:
                self._partitioning.add(connection, self._table, more)


def _below(standing: _Standing, due: str) -> str:
    """Up to where rows are to be counted now: whole partitions only, where there are some."""
    if due < standing.horizon:
        # Rows are to be kept for longer, or for ever: only what was begun is ended.
        unended = (each for each in standing.bounds or () if each >= standing.counted)
        return min(unended, default=NOTHING) if standing.counted else NOTHING
    if standing.bounds is None:
        return due
    return max((each for each in standing.bounds if FIRST < each <= due), default=NOTHING)


def _count_batches(connection: Connection, found: dict[str, int]) -> None:
    """Of each batch, so many rows expired."""
    of_objects: dict[str, int] = {}
    ids = sorted(found)
    for start in range(0, len(ids), _BATCHES_AT_ONCE):
        some = BATCHES.c.id.in_(ids[start : start + _BATCHES_AT_ONCE])
        for row in connection.execute(select(BATCHES.c.id, BATCHES.c.object_id).where(some)):
            of_objects[row.object_id] = of_objects.get(row.object_id, 0) + found[row.id]
    count_expired(connection, of_objects)
    grown = func.coalesce(BATCHES.c.expired, 0) + bindparam("number")
    statement = update(BATCHES).where(BATCHES.c.id == bindparam("batch")).values(expired=grown)
    if ids:
        connection.execute(statement, [{"batch": each, "number": found[each]} for each in ids])
