"""Rejects of a batch: what was refused, with its bytes and its place in the object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dcp_pipeline.batch import RAW_KEPT_BYTES, Batch, digest_of
from dcp_pipeline.ledger.model import Reject
from dcp_worker.formats.records import Fault
from dcp_worker.formats.spans import Span


def rejects_of(batch: Batch, raw: bytes, faults: Iterable[Fault], spans: Sequence[Span]) -> tuple[Reject, ...]:
    """A reject per fault, by record. `raw` is the batch's bytes."""
    ordered = sorted(faults, key=lambda fault: fault.index)
    return tuple(_reject(batch, raw, fault, spans[fault.index]) for fault in ordered)


def _reject(batch: Batch, raw: bytes, fault: Fault, span: Span) -> Reject:
    record = raw[span.start : span.end]
    return Reject(
        record=batch.first_record + fault.index,
        line=batch.first_line + span.line,
        code=fault.code,
        reason=fault.reason,
        field=fault.field,
        start=batch.start + span.start,
        raw=record[:RAW_KEPT_BYTES],
        raw_bytes=len(record),
        raw_digest=digest_of(record),
    )


def defect_reject(batch: Batch, raw: bytes) -> Reject:
    """The reject of a batch that is one unreadable record: its bytes were kept in part by the fetcher."""
    return Reject(
        record=batch.first_record,
        line=batch.first_line,
        code="row-error",
        reason=batch.defect or "",
        field=None,
        start=batch.start,
        raw=raw[:RAW_KEPT_BYTES],
        raw_bytes=batch.end - batch.start,
        raw_digest=batch.digest,
    )
