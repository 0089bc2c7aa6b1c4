"""Objects and their cuts, as the fetcher records and finds them. Each function works inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Row, Select, func, insert, select, update

from dcp_pipeline.batch import stable_id
from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.errors import LedgerConflict, LedgerWentBack
from dcp_pipeline.ledger.counted import count_out
from dcp_pipeline.ledger.model import BatchKind, BatchState, Cut, ObjectState, SourceObject
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, REASON_CHARS, header_from, stored_header
from dcp_pipeline.texts import storable


def objects(connection: Connection, pipeline: str, source: str, uris: Sequence[str] | None) -> list[SourceObject]:
    """A source's objects, or those of these uris, newest first."""
    query = _of_source(pipeline, source)
    if uris is not None:
        query = query.where(OBJECTS.c.uri_digest.in_([stable_id(uri) for uri in uris]))
    wanted = None if uris is None else frozenset(uris)
    found = connection.execute(query.order_by(OBJECTS.c.number.desc()))
    return [_object(row) for row in found if wanted is None or row.uri in wanted]


def unavailable_objects(connection: Connection, pipeline: str, source: str) -> list[SourceObject]:
    """A source's objects that could not be read."""
    query = _of_source(pipeline, source).where(OBJECTS.c.state == ObjectState.UNAVAILABLE.value)
    return [_object(row) for row in connection.execute(query.order_by(OBJECTS.c.number))]


def uris_with_query(connection: Connection, pipeline: str, source: str) -> list[str]:
    """The uris of a source's objects that hold a question mark."""
    query = select(OBJECTS.c.uri).where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.source == source)
    return list(connection.execute(query.where(OBJECTS.c.uri.contains("?")).distinct()).scalars())


def last_headers(connection: Connection, pipeline: str, source: str, objects: int) -> list[tuple[str, ...]]:
    """The headers among a source's last objects."""
    query = select(OBJECTS.c.header).where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.source == source)
    last = connection.execute(query.order_by(OBJECTS.c.number.desc()).limit(objects)).scalars()
    return [labels for stored in set(last) if (labels := header_from(stored))]


def _of_source(pipeline: str, source: str) -> Select[Any]:
    return select(OBJECTS).where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.source == source)


def object_of(connection: Connection, pipeline: str, object_id: str) -> SourceObject | None:
    """One object."""
    query = select(OBJECTS).where(OBJECTS.c.id == object_id, OBJECTS.c.pipeline == pipeline)
    row = connection.execute(query).one_or_none()
    return None if row is None else _object(row)


def incomplete_objects(connection: Connection, pipeline: str) -> list[SourceObject]:
    """Objects that are being cut, or that have batches which are not settled. Oldest first."""
    of_pipeline = select(OBJECTS).where(OBJECTS.c.pipeline == pipeline)
    unsettled = select(BATCHES.c.object_id).where(
        BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value
    )
    # Two questions: with OR between them a database looks at every object that there ever was.
    cutting = connection.execute(_cutting(pipeline))
    pending = connection.execute(of_pipeline.where(OBJECTS.c.id.in_(unsettled)))
    found = {row.number: _object(row) for row in (*cutting, *pending)}
    return [found[number] for number in sorted(found)]


def cutting_objects(connection: Connection, pipeline: str) -> list[SourceObject]:
    """Objects that are being cut. Oldest first."""
    return [_object(row) for row in connection.execute(_cutting(pipeline).order_by(OBJECTS.c.number))]


def _cutting(pipeline: str) -> Select[Any]:
    return select(OBJECTS).where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.state == ObjectState.CUTTING.value)


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


def update_object(
    connection: Connection, pipeline: str, object_id: str, changes: dict[str, Any], having_cuts: int | None = None
) -> None:
    """Set columns of an object, where given only if it has exactly so many cuts.

    Raises LedgerWentBack where there is no such object, or where it has others.
    """
    statement = update(OBJECTS).where(
        OBJECTS.c.id == object_id, OBJECTS.c.pipeline == pipeline, OBJECTS.c.counted.is_(None)
    )
    changed = statement.values(**_stored(changes), updated_at=utc_now())
    if connection.execute(changed).rowcount != 1:
        # Unknown, or counted.
        count_out(connection, pipeline, object_id)
        if connection.execute(changed).rowcount != 1:
            raise LedgerWentBack(f"the ledger of {pipeline} knows no object {object_id}")
    if having_cuts is None:
        return
    query = select(func.count()).where(BATCHES.c.object_id == object_id, BATCHES.c.kind == BatchKind.CUT.value)
    recorded = int(connection.execute(query).scalar_one())
    if recorded != having_cuts:
        raise LedgerWentBack(f"object {object_id}: {having_cuts} cuts were recorded, the ledger has {recorded}")


def cuts(connection: Connection, object_id: str) -> list[Cut]:
    """An object's cuts, by sequence."""
    query = select(BATCHES).where(BATCHES.c.object_id == object_id, BATCHES.c.kind == BatchKind.CUT.value)
    return [_cut(row) for row in connection.execute(query.order_by(BATCHES.c.sequence))]


def record_cuts(
    connection: Connection, pipeline: str, object_id: str, wanted: Sequence[Cut], opened: SourceObject | None = None
) -> None:
    """Record cuts, each behind the one before it; those that are recorded already stay as they are. `opened`: the
    object as whoever cuts it remembers it; it is being cut again, if it was read to its end.

    Raises LedgerWentBack where what a cut stands behind, the header it was read with or the object itself is gone;
    LedgerConflict where another range or digest stands under a sequence.
    """
    recorded, counted = _locked(connection, pipeline, object_id)
    if not wanted:
        return
    if opened is not None and _header_of(opened) != _header_of(recorded):
        raise LedgerWentBack(f"object {object_id}: the header that it is cut with is no longer recorded")
    standing = {each.sequence: each for each in _standing(connection, object_id, wanted)}
    fresh = []
    for cut in wanted:
        known = standing.get(cut.sequence)
        if known is None:
            _follows(object_id, recorded, standing.get(cut.sequence - 1), cut)
            standing[cut.sequence] = cut
            fresh.append(cut)
        elif replace(known, state=cut.state) != cut:
            raise LedgerConflict(
                f"object {object_id}: cut {cut.sequence} is recorded as bytes {known.start}-{known.end} "
                f"(digest {known.digest}), and is now to be {cut.start}-{cut.end} (digest {cut.digest})"
            )
    if fresh:
        if counted:
            count_out(connection, pipeline, object_id)
        common = {"pipeline": pipeline, "object_id": object_id, "kind": BatchKind.CUT.value}
        rows = [common | _cut_columns(cut) for cut in fresh]
        connection.execute(insert(BATCHES).values(created_at=utc_now()), rows)
    if fresh and opened is not None and recorded.state is not ObjectState.CUTTING:
        update_object(connection, pipeline, object_id, {"state": ObjectState.CUTTING})


def record_whole(
    connection: Connection, pipeline: str, wanted: Sequence[tuple[SourceObject, Sequence[Cut]]]
) -> frozenset[str]:
    """Record objects that were read to their ends with all their cuts; the ids of those that stand there so now. One
    that stood there otherwise is left as it is, and left out."""
    ids = [found.id for found, _ in wanted]
    standing = set(connection.execute(select(OBJECTS.c.id).where(OBJECTS.c.id.in_(ids))).scalars())
    fresh = [(found, cuts) for found, cuts in wanted if found.id not in standing]
    if fresh:
        objects = [_columns(found) | {"uri_digest": stable_id(found.uri)} for found, _ in fresh]
        connection.execute(insert(OBJECTS).values(created_at=utc_now(), updated_at=utc_now()), objects)
    common = {"pipeline": pipeline, "kind": BatchKind.CUT.value}
    rows = [common | {"object_id": found.id} | _cut_columns(cut) for found, cuts in fresh for cut in cuts]
    if rows:
        connection.execute(insert(BATCHES).values(created_at=utc_now()), rows)
    # Of a commit whose answer was lost, or read again because the queue has lost it: it is what was to be recorded.
    same = _as_they_stand(connection, pipeline, [each for each in wanted if each[0].id in standing])
    return frozenset(found.id for found, _ in fresh) | same


def _as_they_stand(
    connection: Connection, pipeline: str, wanted: Sequence[tuple[SourceObject, Sequence[Cut]]]
) -> frozenset[str]:
    """The ids of those that are recorded so, read to their ends."""
    ids = [found.id for found, _ in wanted]
    if not ids:
        return frozenset()
    rows = connection.execute(select(OBJECTS).where(OBJECTS.c.id.in_(ids), OBJECTS.c.pipeline == pipeline))
    recorded = {row.id: _object(row) for row in rows}
    of_objects = (BATCHES.c.object_id.in_(ids), BATCHES.c.kind == BatchKind.CUT.value)
    found_cuts: dict[str, list[Cut]] = {}
    for row in connection.execute(select(BATCHES).where(*of_objects).order_by(BATCHES.c.sequence)):
        found_cuts.setdefault(row.object_id, []).append(replace(_cut(row), state=BatchState.CUT))
    same = set()
    for found, cuts in wanted:
        one = recorded.get(found.id)
        read_so = one is not None and one.state is ObjectState.CUT and _read_as(one) == _read_as(found)
        if read_so and found_cuts.get(found.id, []) == list(cuts):
            same.add(found.id)
    return frozenset(same)


def _locked(connection: Connection, pipeline: str, object_id: str) -> tuple[SourceObject, bool]:
    """An object, for this transaction alone (two fetchers that cut it take turns), and whether it is counted."""
    lock = select(OBJECTS).where(OBJECTS.c.id == object_id, OBJECTS.c.pipeline == pipeline).with_for_update()
    row = connection.execute(lock).one_or_none()
    if row is None:
        raise LedgerWentBack(f"the ledger of {pipeline} knows no object {object_id}")
    return _object(row), row.counted is not None


def _header_of(one: SourceObject) -> tuple[object, ...]:
    return one.header, one.header_end, one.header_lines


def _read_as(one: SourceObject) -> tuple[object, ...]:
    # A batch that names another revision than its object is taken for a forged one.
    return one.revision, *_header_of(one)


def _follows(object_id: str, recorded: SourceObject, before: Cut | None, cut: Cut) -> None:
    """A database that lost its last commits lost the cuts before this one: whoever remembers them would leave a gap."""
    if before is None:
        behind = (0, recorded.header_end, 1)
    else:
        behind = (before.sequence + 1, before.end, before.first_record + before.records)
    if behind != (cut.sequence, cut.start, cut.first_record):
        raise LedgerWentBack(
            f"object {object_id}: cut {cut.sequence} (byte {cut.start}, record {cut.first_record}) does not follow "
            f"what is recorded: cut {behind[0]} would be next (byte {behind[1]}, record {behind[2]})"
        )


def _standing(connection: Connection, object_id: str, wanted: Sequence[Cut]) -> list[Cut]:
    """What is recorded under these sequences, and before the first of them."""
    sequences = [cut.sequence for cut in wanted]
    query = select(BATCHES).where(
        BATCHES.c.object_id == object_id,
        BATCHES.c.kind == BatchKind.CUT.value,
        BATCHES.c.sequence.between(min(sequences) - 1, max(sequences)),
    )
    return [_cut(row) for row in connection.execute(query)]


def pending_batches(connection: Connection, pipeline: str) -> int:
    """How many batches are recorded and not settled."""
    query = select(func.count()).where(BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value)
    return int(connection.execute(query).scalar_one())


def pending_ids(connection: Connection, pipeline: str) -> list[tuple[str, str]]:
    """(object, batch) of what is recorded and not settled."""
    query = select(BATCHES.c.object_id, BATCHES.c.id)
    found = query.where(BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value)
    return [(object_id, batch_id) for object_id, batch_id in connection.execute(found)]


def _columns(wanted: SourceObject) -> dict[str, Any]:
    return _stored(asdict(wanted))


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    stored = dict(values)
    if stored.get("header") is not None:
        stored["header"] = stored_header(stored["header"])
    if stored.get("reason") is not None:
        stored["reason"] = storable(stored["reason"])[:REASON_CHARS]
    if stored.get("state") is not None:
        stored["state"] = ObjectState(stored["state"]).value
    return stored


def _object(row: Row[Any]) -> SourceObject:
    return SourceObject(
        id=row.id,
        pipeline=row.pipeline,
        source=row.source,
        uri=row.uri,
        version=row.version,
        revision=row.revision,
        state=ObjectState(row.state),
        header=header_from(row.header),
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
        header=header_from(row.header),
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
        "header": stored_header(cut.header),
        "state": cut.state.value,
    }
