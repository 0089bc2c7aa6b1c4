"""The books, and the rejects for those who work with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, case, exists, func, select
from sqlalchemy.sql.elements import ColumnElement

from dcp_pipeline.ledger.model import (
    BatchKind,
    BatchState,
    Books,
    ObjectBooks,
    ObjectState,
    RejectFilter,
    RejectState,
    StoredReject,
)
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, REJECTS, header_from
from dcp_pipeline.ledger.tasks import seconds_ago


def books(connection: Connection, pipeline: str) -> Books:
    """The books of all objects, oldest first: for what is small. looking/overview.py is for what has a history."""
    return Books(objects=_entries(connection, pipeline), rejected_by_code=rejected_by_code(connection, pipeline))


def books_of(connection: Connection, pipeline: str, object_ids: Sequence[str]) -> tuple[ObjectBooks, ...]:
    """The books of some objects, oldest first; it costs what they hold."""
    return _entries(connection, pipeline, list(object_ids))


def _entries(connection: Connection, pipeline: str, only: list[str] | None = None) -> tuple[ObjectBooks, ...]:
    sums = sums_of(pipeline, only)
    of_object = (
        OBJECTS.c.id,
        OBJECTS.c.source,
        OBJECTS.c.uri,
        OBJECTS.c.state,
        OBJECTS.c.reason,
        OBJECTS.c.header_end,
        OBJECTS.c.updated_at,
    )
    query = (
        select(*of_object, *sums.c)
        .outerjoin(sums, sums.c.object_id == OBJECTS.c.id)
        .where(OBJECTS.c.pipeline == pipeline)
        .order_by(OBJECTS.c.number)
    )
    if only is not None:
        query = query.where(OBJECTS.c.id.in_(only))
    return tuple(entry_of(row) for row in connection.execute(query))


def sums_of(pipeline: str, only: list[str] | None) -> Any:
    """A subquery of the sums over each object's batches."""

    def records_in(state: BatchState) -> ColumnElement[int]:
        return func.sum(case((BATCHES.c.state == state.value, BATCHES.c.records), else_=0))

    def total(column: ColumnElement[Any]) -> ColumnElement[int]:
        return func.sum(func.coalesce(column, 0))

    def of_cuts(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((BATCHES.c.kind == BatchKind.CUT.value, value), else_=None)

    def of_records(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((BATCHES.c.records > 0, value), else_=None)

    # A replay's entry has no records of its own; its counts add to those of the batches it took rejects from.
    sums = select(
        BATCHES.c.object_id,
        func.sum(BATCHES.c.records).label("read"),
        func.max(BATCHES.c.settled_at).label("settled_at"),
        total(BATCHES.c.written).label("written"),
        total(BATCHES.c.duplicates).label("duplicates"),
        total(BATCHES.c.rejected).label("rejected"),
        total(BATCHES.c.filtered).label("filtered"),
        total(BATCHES.c.expired).label("expired"),
        records_in(BatchState.DEAD).label("dead"),
        records_in(BatchState.CUT).label("pending"),
        func.sum(case((BATCHES.c.kind == BatchKind.CUT.value, 1), else_=0)).label("batches"),
        func.max(of_cuts(BATCHES.c.sequence)).label("last_sequence"),
        func.min(of_cuts(BATCHES.c.start)).label("start"),
        func.max(of_cuts(BATCHES.c.end)).label("stop"),
        func.sum(of_cuts(BATCHES.c.end - BATCHES.c.start)).label("cut_bytes"),
        func.max(of_cuts(BATCHES.c.first_record + BATCHES.c.records - 1)).label("last_record"),
        func.min(of_records(BATCHES.c.created_at)).label("first_at"),
        func.max(of_records(BATCHES.c.created_at)).label("last_at"),
    ).group_by(BATCHES.c.object_id)
    # Never both: SQLite would take the pipeline's index for the narrower one, and read the whole history.
    those = BATCHES.c.pipeline == pipeline if only is None else BATCHES.c.object_id.in_(only)
    return sums.where(those).subquery()


def entry_of(row: Row[Any]) -> ObjectBooks:
    """An object's books, of a row that has its columns and its sums."""
    return ObjectBooks(
        object_id=row.id,
        source=row.source,
        uri=row.uri,
        state=ObjectState(row.state),
        reason=row.reason,
        read=int(row.read or 0),
        written=int(row.written or 0),
        duplicates=int(row.duplicates or 0),
        rejected=int(row.rejected or 0),
        filtered=int(row.filtered or 0),
        dead=int(row.dead or 0),
        pending=int(row.pending or 0),
        batches=int(row.batches or 0),
        whole=not row.batches or _whole(row),
        read_at=row.updated_at,
        settled_at=row.settled_at,
        expired=int(row.expired or 0),
    )


def _whole(row: Row[Any]) -> bool:
    """Whether an object's cuts cover its bytes, records and numbers from its start: what verify finds cut by cut."""
    covered = (int(row.batches), int(row.cut_bytes), int(row.read))
    return row.start == row.header_end and covered == (row.last_sequence + 1, row.stop - row.start, row.last_record)


def rejected_by_code(connection: Connection, pipeline: str) -> tuple[tuple[str, int], ...]:
    """Open rejects by their codes, most first. It reads an entry of every reject."""
    query = (
        select(REJECTS.c.code, func.count())
        .join(OBJECTS, OBJECTS.c.id == REJECTS.c.object_id)
        .where(OBJECTS.c.pipeline == pipeline, REJECTS.c.state == RejectState.OPEN.value)
        .group_by(REJECTS.c.code)
        .order_by(func.count().desc(), REJECTS.c.code)
    )
    return tuple((code, int(number)) for code, number in connection.execute(query))


def rows_written_since(connection: Connection, pipeline: str, seconds: float) -> int:
    """Rows written by batches that were committed in the last `seconds`, by the database's clock."""
    query = select(func.coalesce(func.sum(BATCHES.c.written), 0)).where(
        BATCHES.c.pipeline == pipeline,
        BATCHES.c.state == BatchState.DONE.value,
        BATCHES.c.settled_at >= seconds_ago(connection, seconds),
    )
    return int(connection.execute(query).scalar_one())


def objects_with_rejects(connection: Connection, pipeline: str, wanted: RejectFilter) -> list[str]:
    """The ids of the objects that have such rejects, oldest first."""
    query = (
        select(OBJECTS.c.id)
        .join(REJECTS, REJECTS.c.object_id == OBJECTS.c.id)
        .where(*reject_conditions(pipeline, wanted))
        .group_by(OBJECTS.c.id, OBJECTS.c.number)
        .order_by(OBJECTS.c.number)
    )
    return list(connection.execute(query).scalars())


def rejects_of(
    connection: Connection,
    pipeline: str,
    wanted: RejectFilter,
    object_id: str,
    after: tuple[int, str],
    limit: int,
) -> list[StoredReject]:
    """A page of an object's rejects, by record; `after` is the (record, batch id) that the page before ended with."""
    record, batch_id = after
    query = stored_rejects().where(
        *reject_conditions(pipeline, wanted),
        REJECTS.c.object_id == object_id,
        REJECTS.c.record >= record,
        (REJECTS.c.record > record) | (REJECTS.c.batch_id > batch_id),
    )
    page = connection.execute(query.order_by(REJECTS.c.record, REJECTS.c.batch_id).limit(limit))
    return [stored_reject(row) for row in page]


def count_rejects(connection: Connection, pipeline: str, wanted: RejectFilter) -> int:
    """How many rejects there are of this kind."""
    query = (
        select(func.count())
        .select_from(REJECTS)
        .join(OBJECTS, OBJECTS.c.id == REJECTS.c.object_id)
        .where(*reject_conditions(pipeline, wanted))
    )
    return int(connection.execute(query).scalar_one())


def stored_rejects() -> Select[Any]:
    """What stored_reject needs of each."""
    of_object, of_batch = OBJECTS.c.id == REJECTS.c.object_id, BATCHES.c.id == REJECTS.c.batch_id
    wanted = select(REJECTS, OBJECTS.c.source, OBJECTS.c.uri, BATCHES.c.header)
    return wanted.join(OBJECTS, of_object).outerjoin(BATCHES, of_batch)


def reject_conditions(pipeline: str, wanted: RejectFilter) -> Sequence[ColumnElement[bool]]:
    """What a query of stored_rejects is narrowed by."""
    conditions = [OBJECTS.c.pipeline == pipeline]
    if wanted.source is not None:
        conditions.append(OBJECTS.c.source == wanted.source)
    if wanted.object_id is not None:
        conditions.append(REJECTS.c.object_id == wanted.object_id)
    if wanted.code is not None:
        conditions.append(REJECTS.c.code == wanted.code)
    if wanted.field is not None:
        conditions.append(REJECTS.c.field == wanted.field)
    if wanted.state is not None:
        conditions.append(REJECTS.c.state == wanted.state.value)
    if wanted.newest_of:
        conditions.append(OBJECTS.c.source.not_in(wanted.newest_of) | ~_replaced())
    return conditions


def _replaced() -> ColumnElement[bool]:
    newer = OBJECTS.alias("newer")
    same = [newer.c[each] == OBJECTS.c[each] for each in ("pipeline", "source", "uri_digest")]
    whole = newer.c.state == ObjectState.CUT.value
    return exists(select(newer.c.number).where(*same, newer.c.number > OBJECTS.c.number, whole))


def stored_reject(row: Row[Any]) -> StoredReject:
    """A row of stored_rejects."""
    return StoredReject(
        batch_id=row.batch_id,
        object_id=row.object_id,
        source=row.source,
        uri=row.uri,
        record=row.record,
        line=row.line,
        start=row.start,
        code=row.code,
        field=row.field,
        reason=row.reason,
        raw=None if row.raw is None else bytes(row.raw),
        raw_bytes=row.raw_bytes,
        raw_digest=row.raw_digest,
        state=RejectState(row.state),
        header=header_from(row.header),
    )
