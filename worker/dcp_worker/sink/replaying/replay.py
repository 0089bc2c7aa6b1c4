"""Replay of rejects: cleaned by the spec as it is now, counted once whatever is killed in between.

A replay is a batch of its own in the ledger. It takes n rejects of an object; m of them come back for another reason.
Its entry says `rejected = m - n`, and with the rows, the duplicates and the filtered ones it adds up to 0; it is
committed together with the rejects' new state. Rejects that fail as they did before are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import polars as pl
from msgspec.structs import replace
from sqlalchemy import Connection, func, insert, select, tuple_, update

from dcp_pipeline.batch import stable_id
from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.ledger import Ledger, LedgerConflict
from dcp_pipeline.ledger.claims import settle, settled_counts
from dcp_pipeline.ledger.counted import count_out
from dcp_pipeline.ledger.model import (
    BatchKind,
    BatchState,
    Counts,
    Reject,
    RejectFilter,
    RejectState,
    SourceObject,
    StoredReject,
)
from dcp_pipeline.ledger.tables import BATCHES, REJECTS, stored_header
from dcp_pipeline.observe.phases import Observer, Phase, unobserved
from dcp_worker.sink.insertion import Inserted, Insertion, Refusal
from dcp_worker.sink.kept_rejects import REFUSED_CODE, keep_rejects
from dcp_worker.sink.replaying.again import Cleansed, ReplayPlan, clean_again, readable_alone
from dcp_worker.sink.shape import ID
from dcp_worker.sink.writer import SinkWriter

_MOST_RECORDS = 5_000
_MOST_BYTES = 4 << 20
_KEYS_PER_UPDATE = 500


class ReplayReport(msgspec.Struct, frozen=True):
    """What became of the rejects that were tried: replayed = written + duplicates + filtered + rejected."""

    replayed: int = 0
    written: int = 0
    duplicates: int = 0
    filtered: int = 0
    rejected: int = 0
    cut_off: int = 0
    """Not tried: not all of their bytes were kept."""

    def __add__(self, other: ReplayReport) -> ReplayReport:
        return ReplayReport(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class RejectsTaken(LedgerConflict):
    """Another replay was faster. Nothing was written."""


PlanOf = Callable[[SourceObject], ReplayPlan]


def replay(
    ledger: Ledger,
    sink: SinkWriter,
    plan_of: PlanOf,
    wanted: RejectFilter,
    *,
    worker: str = "replay",
    observer: Observer = unobserved,
) -> ReplayReport:
    """Clean the open rejects that `wanted` names again. The sink must be prepared.

    What another replay takes meanwhile is left to it. Raises SinkUnavailable; what was replayed until then stays.
    """
    wanted = replace(wanted, state=RejectState.OPEN)
    report = ReplayReport()
    for object_id in ledger.objects_with_rejects(wanted):
        source = ledger.object(object_id)
        if source is None:  # forgotten with its rejects: the database went back in time
            continue
        plan = plan_of(source)
        for chunk in _chunks(ledger.rejects_of(object_id, wanted)):
            labelled = replace(source, header=chunk[0].header or source.header)
            once = partial(_replay_chunk, sink, labelled, plan=plan, worker=worker, observer=observer)
            report += _replayed(ledger, wanted, chunk, once)
    return report


def _replayed(
    ledger: Ledger,
    wanted: RejectFilter,
    chunk: Sequence[StoredReject],
    once: Callable[[Sequence[StoredReject]], ReplayReport],
) -> ReplayReport:
    """`once`, with what is left of the chunk each time that another replay was faster."""
    left = list(chunk)
    while left:
        try:
            return once(left)
        except RejectsTaken:
            mine = {(each.batch_id, each.record) for each in left}
            still_open = ledger.rejects_of(left[0].object_id, wanted)
            left = [each for each in still_open if (each.batch_id, each.record) in mine]
    return ReplayReport()


def _chunks(rejects: Iterator[StoredReject]) -> Iterator[list[StoredReject]]:
    chunk: list[StoredReject] = []
    held = 0
    for each in rejects:
        size = len(each.raw or b"")
        full = len(chunk) >= _MOST_RECORDS or held + size > _MOST_BYTES
        if chunk and (full or each.header != chunk[0].header):
            yield chunk
            chunk, held = [], 0
        chunk.append(each)
        held += size
    if chunk:
        yield chunk


def _replay_chunk(
    sink: SinkWriter,
    source: SourceObject,
    chunk: Sequence[StoredReject],
    plan: ReplayPlan,
    worker: str,
    observer: Observer,
) -> ReplayReport:
    complete = [each for each in chunk if each.complete]
    # A record whose quote is open stays what it is: no rule can mend it.
    readable = [each for each in complete if readable_alone(each, plan.format)]
    unreadable = len(complete) - len(readable)
    report = ReplayReport(replayed=unreadable, rejected=unreadable, cut_off=len(chunk) - len(complete))
    if not readable:
        return report
    cleansed = clean_again(source, readable, plan)
    unchanged = cleansed.unchanged
    report += ReplayReport(replayed=unchanged, rejected=unchanged)
    return report + _commit(sink, source, cleansed, plan, worker, observer) if cleansed.taken else report


def _commit(
    sink: SinkWriter, source: SourceObject, cleansed: Cleansed, plan: ReplayPlan, worker: str, observer: Observer
) -> ReplayReport:
    keys = (f"{each.batch_id}:{each.record}" for each in cleansed.taken)
    batch_id = stable_id("replay", source.pipeline, source.id, plan.revision, *keys)
    rows = cleansed.rows.sort(ID) if cleansed.rows is not None else pl.DataFrame()

    def settle_once(connection: Connection, insertion: Insertion) -> Counts:
        done = settled_counts(connection, batch_id)
        if done is not None:
            return done
        counts = _settle(connection, insertion, sink, source, cleansed, batch_id, worker)
        observer(Phase.INSERTED, batch_id)
        return counts

    counts = sink.insert(batch_id, rows, settle_once)
    observer(Phase.COMMITTED, batch_id)
    taken = len(cleansed.taken)
    return ReplayReport(taken, counts.written, counts.duplicates, counts.filtered, counts.rejected + taken)


def _settle(
    connection: Connection,
    insertion: Insertion,
    sink: SinkWriter,
    source: SourceObject,
    cleansed: Cleansed,
    batch_id: str,
    worker: str,
) -> Counts:
    entry = _entry(connection, source, cleansed.taken, batch_id, worker)
    _take(connection, cleansed.taken, batch_id)
    connection.execute(insert(BATCHES).values(**entry))
    inserted = insertion(connection)
    rejects = [*cleansed.rejects, *_refused(inserted.refusals, cleansed.taken)]
    kept = keep_rejects(connection, batch_id, source.id, rejects, sink.kept_bytes_per_object)
    counts = _counts(cleansed, inserted, len(rejects))
    settle(connection, batch_id, counts, kept)
    return counts


def _counts(cleansed: Cleansed, inserted: Inserted, rejected: int) -> Counts:
    height = cleansed.rows.height if cleansed.rows is not None else 0
    return Counts(
        read=0,
        written=inserted.rows + inserted.expired,
        duplicates=cleansed.duplicates + height - inserted.rows - inserted.expired - len(inserted.refusals),
        rejected=rejected - len(cleansed.taken),
        filtered=cleansed.filtered,
        expired=inserted.expired,
    )


def _take(connection: Connection, taken: Sequence[StoredReject], batch_id: str) -> None:
    changed = 0
    for start in range(0, len(taken), _KEYS_PER_UPDATE):
        keys = [(each.batch_id, each.record) for each in taken[start : start + _KEYS_PER_UPDATE]]
        statement = update(REJECTS).where(
            tuple_(REJECTS.c.batch_id, REJECTS.c.record).in_(keys), REJECTS.c.state == RejectState.OPEN.value
        )
        values = {"state": RejectState.REPLAYED.value, "replay_batch": batch_id}
        changed += connection.execute(statement.values(**values)).rowcount
    if changed != len(taken):
        raise RejectsTaken(f"{len(taken) - changed} of {len(taken)} rejects were replayed by another process meanwhile")


def _entry(
    connection: Connection, source: SourceObject, taken: Sequence[StoredReject], batch_id: str, worker: str
) -> dict[str, Any]:
    # Replays of one object take turns, or two would take the same number.
    count_out(connection, source.pipeline, source.id)
    last = connection.execute(
        select(func.max(BATCHES.c.sequence)).where(
            BATCHES.c.object_id == source.id, BATCHES.c.kind == BatchKind.REPLAY.value
        )
    ).scalar()
    return {
        "id": batch_id,
        "pipeline": source.pipeline,
        "object_id": source.id,
        "kind": BatchKind.REPLAY.value,
        "sequence": 0 if last is None else last + 1,
        "start": min(each.start for each in taken),
        "end": max(each.start + each.raw_bytes for each in taken),
        "records": 0,
        "first_record": min(each.record for each in taken),
        "first_line": min(each.line for each in taken),
        "digest": batch_id,
        "header": stored_header(taken[0].header),
        "state": BatchState.DONE.value,
        "worker": worker,
        "created_at": utc_now(),
        "settled_at": utc_now(),
    }


def _refused(refusals: Sequence[Refusal], taken: Sequence[StoredReject]) -> list[Reject]:
    places = {each.record: each for each in taken}
    return [_refused_at(places[each.record], each) for each in refusals]


def _refused_at(place: StoredReject, refusal: Refusal) -> Reject:
    return Reject(
        record=place.record,
        line=place.line,
        code=REFUSED_CODE,
        reason=f"the table does not take it: {refusal.reason}",
        field=refusal.field,
        start=place.start,
        raw=place.raw or b"",
        raw_bytes=place.raw_bytes,
        raw_digest=place.raw_digest,
    )
