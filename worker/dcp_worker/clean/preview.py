"""The first records of a batch, before and after: for people who are writing a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Reject
from dcp_worker.clean.plan import ID, RECORD, CleaningPlan


class PreviewRecord(msgspec.Struct, frozen=True):
    """One record. `row` is what would be written, `reject` says why not, else it is `filtered` or a `duplicate`."""

    record: int
    line: int
    raw: Mapping[str, str | None]
    """The cells as they came, by label."""
    row: Mapping[str, Any] | None
    reject: Reject | None
    filtered: bool = False

    @property
    def duplicate(self) -> bool:
        """An earlier record of the batch has its identity."""
        return self.row is None and self.reject is None and not self.filtered


def clean_preview(plan: CleaningPlan, batch: Batch, limit: int = 20) -> tuple[PreviewRecord, ...]:
    """The first `limit` records of a batch. Nothing is written anywhere.

    Raises what CleaningPlan.clean raises.
    """
    cleaned = plan.clean(batch)
    rows = {row.pop(RECORD): row for row in cleaned.rows.drop(ID).iter_rows(named=True)}
    left_out = set(cleaned.left_out)
    rejects = {reject.record: reject for reject in cleaned.rejects}
    if batch.defect is not None and cleaned.rejects:
        reject = cleaned.rejects[0]
        return (PreviewRecord(reject.record, reject.line, {}, None, reject),)
    raw = batch.raw()
    spans = plan.reader.spans(raw)
    shown = []
    for index, span in enumerate(spans[:limit]):
        record = batch.first_record + index
        cells = plan.reader.raw_cells(raw[span.start : span.end], batch.header)
        line = batch.first_line + span.line
        shown.append(PreviewRecord(record, line, cells, rows.get(record), rejects.get(record), record in left_out))
    return tuple(shown)
