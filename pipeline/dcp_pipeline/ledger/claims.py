"""A batch's entry in the ledger: claimed and settled by the worker's transaction, given up, revived."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Row, delete, func, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from dcp_pipeline.batch import Batch, BatchForged
from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.database.horizon import counted_key, still_standing
from dcp_pipeline.ledger.counted import count_out
from dcp_pipeline.ledger.expiring.mark import note
from dcp_pipeline.ledger.model import BatchKind, BatchState, ClaimKind, Counts, DeadBatch, RejectState, Standing
from dcp_pipeline.ledger.tables import BATCHES, META, OBJECTS, REASON_CHARS, REJECTS, header_from

_CHUNK = 500
REQUEUED = "requeued: the queue is still to be told"
_OF_BATCH = ("id", "object_id", "sequence", "start", "end", "records", "first_record", "first_line", "digest", "defect")
_OF_OBJECT = ("source", "uri", "revision")


def claim(connection: Connection, pipeline: str, batch_id: str, worker: str) -> ClaimKind:
    """Take a batch's entry, first of all, by a statement that changes nothing where it is settled already.

    Another worker's open transaction on it is waited for. Must be followed by settle in the same transaction.
    """
    statement = update(BATCHES).where(
        BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value
    )
    values = {"state": BatchState.DONE.value, "worker": worker[:255], "reason": None}
    taken = connection.execute(statement.values(**values, settled_at=utc_now()))
    if taken.rowcount == 1:
        return ClaimKind.CLAIMED
    state = connection.execute(
        select(BATCHES.c.state).where(BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline)
    ).scalar()
    return kind_unclaimed(state)


def kind_unclaimed(state: str | None) -> ClaimKind:
    """What became of a batch that could not be claimed; None: the ledger does not know it."""
    if state is None:
        return ClaimKind.UNKNOWN
    return ClaimKind.DEAD if state == BatchState.DEAD.value else ClaimKind.ALREADY_DONE


def check(connection: Connection, batches: Sequence[Batch]) -> None:
    """Compare claimed batches with what was cut: whoever can write to the queue cannot put rows into the sink.

    Raises BatchForged, naming what differs.
    """
    of_batch = [BATCHES.c[name] for name in _OF_BATCH]
    of_object = [OBJECTS.c[name] for name in _OF_OBJECT]
    header = func.coalesce(BATCHES.c.header, OBJECTS.c.header).label("header")
    query = select(*of_batch, *of_object, header).join(OBJECTS, OBJECTS.c.id == BATCHES.c.object_id)
    rows = connection.execute(query.where(BATCHES.c.id.in_([batch.id for batch in batches])))
    found = {row.id: {**row._mapping, "header": header_from(row.header)} for row in rows}
    for batch in batches:
        recorded = found.get(batch.id)
        if recorded is None:
            raise BatchForged(f"batch {batch.id} is of no object that the ledger knows")
        wrong = [name for name in recorded if recorded[name] != getattr(batch, name)]
        if wrong:
            raise BatchForged(f"batch {batch.id} was not cut so: its {', '.join(wrong)} differ from the ledger's")


def settle(connection: Connection, batch_id: str, counts: Counts, kept_bytes: int) -> None:
    """Write what became of a claimed batch's records."""
    values = asdict(counts) | {"kept_bytes": kept_bytes}
    connection.execute(update(BATCHES).where(BATCHES.c.id == batch_id).values(**values))


def settled_counts(connection: Connection, batch_id: str) -> Counts | None:
    """The counts of a batch that is done."""
    columns = (BATCHES.c.read, BATCHES.c.written, BATCHES.c.duplicates, BATCHES.c.rejected, BATCHES.c.filtered)
    expired = func.coalesce(BATCHES.c.expired, 0)
    query = select(*columns, expired).where(BATCHES.c.id == batch_id, BATCHES.c.state == BatchState.DONE.value)
    row = connection.execute(query).one_or_none()
    return None if row is None else Counts(*row)


def kept_bytes_of(connection: Connection, object_ids: Collection[str]) -> dict[str, int]:
    """The bytes that each object's rejects keep of their records, over all committed batches."""
    kept = func.coalesce(func.sum(BATCHES.c.kept_bytes), 0)
    query = select(BATCHES.c.object_id, kept).where(BATCHES.c.object_id.in_(object_ids))
    return {id_: int(some) for id_, some in connection.execute(query.group_by(BATCHES.c.object_id))}


def mark_dead(connection: Connection, pipeline: str, batch_id: str, reason: str, attempts: int) -> bool:
    """Give a batch up; False where it is settled already."""
    statement = update(BATCHES).where(
        BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value
    )
    values = {"state": BatchState.DEAD.value, "reason": reason[:REASON_CHARS], "attempts": attempts}
    return connection.execute(statement.values(**values, settled_at=utc_now())).rowcount == 1


def withdraw_records(connection: Connection, pipeline: str, table: str, batch_id: str, first: int) -> int:
    """Take away rows and open rejects of a settled batch, from record `first` on, those that replays made of its
    rejects too; they count as duplicates then. Of a dead batch no record was taken: all of them are the next
    version's, and none may come to the table by a requeue any more.
    """
    query = select(BATCHES.c.object_id, BATCHES.c.state, BATCHES.c.first_record, BATCHES.c.records)
    batch = connection.execute(query.where(BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline)).one_or_none()
    if batch is None:
        return 0
    # Who counts rows as expired takes turns with this; then replays of its rejects do.
    counted = note(connection, counted_key(table), locked=True)
    count_out(connection, pipeline, batch.object_id)
    state = connection.execute(select(BATCHES.c.state).where(BATCHES.c.id == batch_id).with_for_update()).scalar()
    if state == BatchState.DEAD.value:
        return _all_duplicates(connection, batch_id)
    if state != BatchState.DONE.value:
        return 0
    last = batch.first_record + batch.records - 1
    # What a replay rejected once more stands under the replay, and a second replay may have taken that. All of the
    # object's replays are asked: rejects, which say which took them, may be forgotten by now.
    those = (REJECTS.c.object_id == batch.object_id, REJECTS.c.record.between(first, last))
    replays = select(BATCHES.c.id).where(
        BATCHES.c.object_id == batch.object_id, BATCHES.c.kind == BatchKind.REPLAY.value
    )
    batches = [batch_id, *connection.execute(replays.order_by(BATCHES.c.sequence)).scalars()]
    rejects = _rejects_away(connection, *those, REJECTS.c.state == RejectState.OPEN.value)
    return rejects + sum(_rows_away(connection, table, each, first, last, counted) for each in batches)


def _all_duplicates(connection: Connection, batch_id: str) -> int:
    none = dict.fromkeys(("written", "rejected", "filtered", "kept_bytes"), 0)
    values = {"state": BatchState.DONE.value, "reason": None, "settled_at": utc_now()} | none
    statement = update(BATCHES).where(BATCHES.c.id == batch_id)
    connection.execute(statement.values(**values, read=BATCHES.c.records, duplicates=BATCHES.c.records))
    return int(connection.execute(select(BATCHES.c.records).where(BATCHES.c.id == batch_id)).scalar_one())


def _rejects_away(connection: Connection, *those: ColumnElement[bool]) -> int:
    kept = func.coalesce(func.sum(func.length(REJECTS.c.raw)), 0)
    query = select(REJECTS.c.batch_id, func.count(), kept).where(*those).group_by(REJECTS.c.batch_id)
    found = [(each, int(rejected), int(kept)) for each, rejected, kept in connection.execute(query)]
    connection.execute(delete(REJECTS).where(*those))
    for each, rejected, kept_bytes in found:
        _count_away(connection, each, rejected=rejected, kept_bytes=kept_bytes)
    return sum(rejected for _, rejected, _ in found)


def _rows_away(connection: Connection, table: str, batch_id: str, first: int, last: int, counted: str | None) -> int:
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    away = text(
        f"DELETE FROM {quoted} WHERE _dcp_batch = :batch AND _dcp_record BETWEEN :first AND :last "  # noqa: S608
        f"{still_standing(counted)}"
    )
    rows = connection.execute(away, {"batch": bytes.fromhex(batch_id), "first": first, "last": last}).rowcount
    # After the DELETE, as a writer does: who moves the table waits for transactions that were there before its mark.
    check_stays(connection, table)
    _count_away(connection, batch_id, written=rows)
    return rows


def _count_away(
    connection: Connection, batch_id: str, written: int = 0, rejected: int = 0, kept_bytes: int = 0
) -> None:
    if written or rejected:
        statement = update(BATCHES).where(BATCHES.c.id == batch_id)
        connection.execute(
            statement.values(
                written=BATCHES.c.written - written,
                rejected=BATCHES.c.rejected - rejected,
                duplicates=BATCHES.c.duplicates + written + rejected,
                kept_bytes=BATCHES.c.kept_bytes - kept_bytes,
            )
        )


def revive(connection: Connection, pipeline: str, batch_ids: Sequence[str]) -> int:
    """Make dead batches pending again; how many were dead. They are marked until requeued() or a worker's claim: the
    queue is still to be told, by whoever did this or by the next who sees the mark."""
    revived = 0
    for start in range(0, len(batch_ids), _CHUNK):
        statement = update(BATCHES).where(
            BATCHES.c.id.in_(batch_ids[start : start + _CHUNK]),
            BATCHES.c.pipeline == pipeline,
            BATCHES.c.state == BatchState.DEAD.value,
        )
        values = {"state": BatchState.CUT.value, "reason": REQUEUED, "attempts": None, "settled_at": None}
        revived += connection.execute(statement.values(**values)).rowcount
    return revived


def requeued(connection: Connection, pipeline: str, batch_ids: Sequence[str]) -> None:
    """The queue was told of revived batches."""
    for start in range(0, len(batch_ids), _CHUNK):
        marked = (BATCHES.c.pipeline == pipeline, BATCHES.c.reason == REQUEUED)
        statement = update(BATCHES).where(BATCHES.c.id.in_(batch_ids[start : start + _CHUNK]), *marked)
        connection.execute(statement.values(reason=None))


def requeueing(connection: Connection, pipeline: str) -> list[str]:
    """Batches that were revived, and of which the queue may not have been told."""
    query = select(BATCHES.c.id).where(BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value)
    return list(connection.execute(query.where(BATCHES.c.reason == REQUEUED)).scalars())


def standings(connection: Connection, pipeline: str, batch_ids: Sequence[str]) -> dict[str, Standing]:
    """How the ledger has these batches; those that it does not know are left out."""
    found: dict[str, Standing] = {}
    for start in range(0, len(batch_ids), _CHUNK):
        query = select(BATCHES.c.id, BATCHES.c.state, BATCHES.c.reason).where(
            BATCHES.c.id.in_(batch_ids[start : start + _CHUNK]), BATCHES.c.pipeline == pipeline
        )
        for batch_id, state, reason in connection.execute(query):
            revived = state == BatchState.CUT.value and reason == REQUEUED
            found[batch_id] = Standing.REVIVED if revived else Standing(state)
    return found


def dead_batches(connection: Connection, pipeline: str) -> list[DeadBatch]:
    """The batches that were given up, by object and sequence."""
    query = (
        select(BATCHES, OBJECTS.c.source, OBJECTS.c.uri)
        .join(OBJECTS, OBJECTS.c.id == BATCHES.c.object_id)
        .where(
            BATCHES.c.pipeline == pipeline,
            BATCHES.c.state == BatchState.DEAD.value,
            BATCHES.c.kind == BatchKind.CUT.value,
        )
        .order_by(OBJECTS.c.number, BATCHES.c.sequence)
    )
    return [_dead(row) for row in connection.execute(query)]


def _dead(row: Row[Any]) -> DeadBatch:
    return DeadBatch(
        batch_id=row.id,
        object_id=row.object_id,
        source=row.source,
        uri=row.uri,
        sequence=row.sequence,
        start=row.start,
        end=row.end,
        records=row.records,
        first_record=row.first_record,
        reason=row.reason or "",
        attempts=row.attempts or 0,
        died_at=row.settled_at,
    )


def moving_key(table: str) -> str:
    """The name in dcp_meta of the mark that `dcp migrate` is at work: nobody else writes, or takes rows away."""
    return f"moving/{table}"


def is_moving(connection: Connection, table: str) -> bool:
    """Whether a table is being moved."""
    return connection.execute(select(META.c.name).where(META.c.name == moving_key(table))).first() is not None


def check_stays(connection: Connection, table: str, moving: bool | None = None) -> None:
    """Raises SinkUnavailable while a table is being moved; `moving` where that is known already."""
    if is_moving(connection, table) if moving is None else moving:
        raise SinkUnavailable(
            f"table {table} is being moved by `dcp migrate`: work goes on once that has ended; where it was killed, "
            "run it again, or with --abandon"
        )
