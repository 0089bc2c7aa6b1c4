"""Objects and their cuts, as the fetcher records and finds them. Each function works inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Row, and_, exists, func, insert, or_, select, update

from dcp_pipeline.batch import stable_id
from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.errors import LedgerConflict
from dcp_pipeline.ledger.model import BatchKind, BatchState, Cut, ObjectState, SourceObject
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS

REASON_CHARS = 4000


def objects(connection: Connection, pipeline: str, source: str, uri: str | None) -> list[SourceObject]:
    """A source's objects, newest first."""
    query = select(OBJECTS).where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.source == source)
    if uri is not None:
        query = query.where(OBJECTS.c.uri_digest == stable_id(uri), OBJECTS.c.uri == uri)
    return [_object(row) for row in connection.execute(query.order_by(OBJECTS.c.number.desc()))]


def object_of(connection: Connection, pipeline: str, object_id: str) -> SourceObject | None:
    """One object."""
    query = select(OBJECTS).where(OBJECTS.c.id == object_id, OBJECTS.c.pipeline == pipeline)
    row = connection.execute(query).one_or_none()
    return None if row is None else _object(row)


def incomplete_objects(connection: Connection, pipeline: str) -> list[SourceObject]:
    """Objects that are being cut, or that have batches which are not settled. Oldest first."""
    unsettled = exists().where(and_(BATCHES.c.object_id == OBJECTS.c.id, BATCHES.c.state == BatchState.CUT.value))
    query = select(OBJECTS).where(
        OBJECTS.c.pipeline == pipeline,
        or_(OBJECTS.c.state == ObjectState.CUTTING.value, unsettled),
    )
    return [_object(row) for row in connection.execute(query.order_by(OBJECTS.c.number))]


def open_object(connection: Connection, pipeline: str, wanted: SourceObject) -> SourceObject:
    """Record an object unless it is recorded; what is recorded then.

    Raises LedgerConflict where the object is another pipeline's.
    """
    if wanted.pipeline != pipeline:
        raise LedgerConflict(f"object {wanted.id} is of pipeline {wanted.pipeline}, this ledger of {pipeline}")
    recorded = object_of(connection, pipeline, wanted.id)
    if recorded is not None:
        return recorded
    values = _columns(wanted) | {"uri_digest": stable_id(wanted.uri)}
    connection.execute(insert(OBJECTS).values(**values, created_at=utc_now(), updated_at=utc_now()))
    return wanted


def update_object(connection: Connection, pipeline: str, object_id: str, changes: dict[str, Any]) -> None:
    """Set columns of an object.

    Raises LedgerConflict where there is no such object.
    """
    statement = update(OBJECTS).where(OBJECTS.c.id == object_id, OBJECTS.c.pipeline == pipeline)
    done = connection.execute(statement.values(**_stored(changes), updated_at=utc_now()))
    if done.rowcount != 1:
        raise LedgerConflict(f"the ledger of {pipeline} knows no object {object_id}")


def cuts(connection: Connection, object_id: str) -> list[Cut]:
    """An object's cuts, by sequence."""
    query = select(BATCHES).where(BATCHES.c.object_id == object_id, BATCHES.c.kind == BatchKind.CUT.value)
    return [_cut(row) for row in connection.execute(query.order_by(BATCHES.c.sequence))]


def record_cuts(connection: Connection, pipeline: str, object_id: str, wanted: Sequence[Cut]) -> None:
    """Record cuts; those that are recorded already stay as they are.

    Raises LedgerConflict where another range or digest stands under a sequence, or where the object is unknown.
    """
    # Two fetchers that cut the same object take turns.
    lock = select(OBJECTS.c.id).where(OBJECTS.c.id == object_id, OBJECTS.c.pipeline == pipeline)
    if connection.execute(lock.with_for_update()).one_or_none() is None:
        raise LedgerConflict(f"the ledger of {pipeline} knows no object {object_id}")
    if not wanted:
        return
    standing = {each.sequence: each for each in _standing(connection, object_id, wanted)}
    fresh = []
    for cut in wanted:
        before = standing.get(cut.sequence)
        if before is None:
            fresh.append(cut)
        elif replace(before, state=cut.state) != cut:
            raise LedgerConflict(
                f"object {object_id}: cut {cut.sequence} is recorded as bytes {before.start}-{before.end} "
                f"(digest {before.digest}), and is now to be {cut.start}-{cut.end} (digest {cut.digest})"
            )
    if fresh:
        common = {"pipeline": pipeline, "object_id": object_id, "kind": BatchKind.CUT.value}
        rows = [common | _cut_columns(cut) for cut in fresh]
        connection.execute(insert(BATCHES).values(created_at=utc_now()), rows)


def _standing(connection: Connection, object_id: str, wanted: Sequence[Cut]) -> list[Cut]:
    sequences = [cut.sequence for cut in wanted]
    query = select(BATCHES).where(
        BATCHES.c.object_id == object_id,
        BATCHES.c.kind == BatchKind.CUT.value,
        BATCHES.c.sequence.between(min(sequences), max(sequences)),
    )
    return [_cut(row) for row in connection.execute(query)]


def pending_batches(connection: Connection, pipeline: str) -> int:
    """How many batches are recorded and not settled."""
    query = select(func.count()).where(BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value)
    return int(connection.execute(query).scalar_one())


def _columns(wanted: SourceObject) -> dict[str, Any]:
    return _stored(asdict(wanted))


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    stored = dict(values)
    if stored.get("header") is not None:
        stored["header"] = msgspec.json.encode(list(stored["header"])).decode()
    if stored.get("reason") is not None:
        stored["reason"] = stored["reason"][:REASON_CHARS]
    if stored.get("state") is not None:
        stored["state"] = ObjectState(stored["state"]).value
    return stored


def _object(row: Row[Any]) -> SourceObject:
    header = None if row.header is None else tuple(msgspec.json.decode(row.header, type=list[str]))
    return SourceObject(
        id=row.id,
        pipeline=row.pipeline,
        source=row.source,
        uri=row.uri,
        version=row.version,
        revision=row.revision,
        state=ObjectState(row.state),
        header=header,
        header_end=row.header_end,
        header_lines=row.header_lines,
        etag=row.etag,
        last_modified=row.last_modified,
        size_bytes=row.size_bytes,
        reason=row.reason,
    )


def _cut(row: Row[Any]) -> Cut:
    return Cut(
        batch_id=row.id,
        sequence=row.sequence,
        start=row.start,
        end=row.end,
        records=row.records,
        first_record=row.first_record,
        first_line=row.first_line,
        digest=row.digest,
        defect=row.defect,
        state=BatchState(row.state),
    )


def _cut_columns(cut: Cut) -> dict[str, Any]:
    return {
        "id": cut.batch_id,
        "sequence": cut.sequence,
        "start": cut.start,
        "end": cut.end,
        "records": cut.records,
        "first_record": cut.first_record,
        "first_line": cut.first_line,
        "digest": cut.digest,
        "defect": cut.defect,
        "state": cut.state.value,
    }
