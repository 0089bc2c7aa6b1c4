"""What is made of a range that was cut: an entry of the ledger, and a batch for the queue. Pure."""

from __future__ import annotations

from dcp_fetcher.cutting.split import RawCut
from dcp_pipeline.batch import Batch, batch_id, compress
from dcp_pipeline.ledger.model import Cut, SourceObject


def cut_of(found: SourceObject, raw: RawCut) -> Cut:
    """A new cut of an object."""
    return Cut(
        batch_id=batch_id(found.pipeline, found.source, found.id, raw.at.offset, raw.end, raw.digest),
        sequence=raw.at.sequence,
        start=raw.at.offset,
        end=raw.end,
        records=raw.records,
        first_record=raw.at.record,
        first_line=raw.at.line,
        digest=raw.digest,
        defect=raw.defect,
        header=raw.header,
    )


def batch_of(found: SourceObject, cut: Cut, raw: bytes) -> Batch:
    """A cut's batch; `raw` is as in RawCut."""
    return Batch(
        id=cut.batch_id,
        pipeline=found.pipeline,
        source=found.source,
        object_id=found.id,
        uri=found.uri,
        sequence=cut.sequence,
        start=cut.start,
        end=cut.end,
        records=cut.records,
        first_record=cut.first_record,
        first_line=cut.first_line,
        digest=cut.digest,
        revision=found.revision,
        header=cut.header or found.header,
        defect=cut.defect,
        body=compress(raw),
    )
