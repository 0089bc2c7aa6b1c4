"""Rejects as they are kept: every one of them, with its bytes as long as its object's share of them lasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from dcp_pipeline.batch import RAW_KEPT_BYTES, Batch, digest_of
from dcp_pipeline.ledger.claims import kept_bytes_of
from dcp_pipeline.ledger.model import Reject, RejectState
from dcp_pipeline.ledger.tables import REASON_CHARS
from dcp_pipeline.spec.model import Format
from dcp_worker.formats.readers import spans_of
from dcp_worker.formats.spans import Span
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.insertion import Refusal

KEPT_BYTES_PER_OBJECT = 64 << 20
REFUSED_CODE = "constraint-error"


def keep_rejects(
    connection: Connection, batch_id: str, object_id: str, rejects: Sequence[Reject], most_bytes: int
) -> int:
    """Store a batch's rejects; the bytes that were kept of them."""
    return keep_rejects_of(connection, [(batch_id, object_id, rejects)], most_bytes).get(batch_id, 0)


def keep_rejects_of(
    connection: Connection, every: Sequence[tuple[str, str, Sequence[Reject]]], most_bytes: int
) -> dict[str, int]:
    """Store the rejects of several batches, (batch id, object id, rejects) each: batch id -> the bytes that were kept
    of its rejects, where it has any.

    Beyond `most_bytes` of an object only the bytes are left out. Batches of one object that are committed side by
    side do not see each other's, so that the cap may be passed by a batch for each worker.
    """
    those = [each for each in every if each[2]]
    if not those:
        return {}
    before = kept_bytes_of(connection, {object_id for _, object_id, _ in those})
    left = {object_id: most_bytes - before.get(object_id, 0) for _, object_id, _ in those}
    kept: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for batch_id, object_id, rejects in those:
        kept[batch_id], some = _as_kept(batch_id, object_id, rejects, left[object_id])
        left[object_id] -= kept[batch_id]
        rows += some
    sink_dialect_of(connection).insert_rejects(connection, rows)
    return kept


def _as_kept(batch_id: str, object_id: str, rejects: Sequence[Reject], left: int) -> tuple[int, list[dict[str, Any]]]:
    """The bytes that are kept of rejects, where so many are `left`, and their entries."""
    kept, rows = 0, []
    for each in rejects:
        raw = each.raw[:RAW_KEPT_BYTES]
        fits = kept + len(raw) <= left
        kept += len(raw) if fits else 0
        place = {"batch_id": batch_id, "object_id": object_id, "record": each.record, "line": each.line}
        why = {"code": each.code, "field": each.field, "reason": each.reason[:REASON_CHARS]}
        content = {"raw": raw if fits else None, "raw_bytes": each.raw_bytes, "raw_digest": each.raw_digest}
        rows.append(place | why | content | {"start": each.start, "state": RejectState.OPEN.value})
    return kept, rows


def refused_records(batch: Batch, format_: Format, refusals: Sequence[Refusal]) -> list[Reject]:
    """Rejects of the records whose rows the database refused."""
    raw = batch.raw()
    spans = spans_of(raw, format_)
    return [_refused(batch, raw, spans[each.record - batch.first_record], each) for each in refusals]


def _refused(batch: Batch, raw: bytes, span: Span, refusal: Refusal) -> Reject:
    record = raw[span.start : span.end]
    return Reject(
        record=refusal.record,
        line=batch.first_line + span.line,
        code=REFUSED_CODE,
        reason=f"the table does not take it: {refusal.reason}",
        field=refusal.field,
        start=batch.start + span.start,
        raw=record[:RAW_KEPT_BYTES],
        raw_bytes=len(record),
        raw_digest=digest_of(record),
    )
