"""Rejects cleaned once more: built into batches, and what comes out told by their original places. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
import polars as pl
from msgspec.structs import replace

from dcp_pipeline.batch import Batch, compress, digest_of
from dcp_pipeline.ledger.model import Reject, SourceObject, StoredReject
from dcp_pipeline.spec.model import Format
from dcp_worker.clean.group import Cleaned
from dcp_worker.formats.csv.grammar import record_at
from dcp_worker.formats.readers import dialect_of
from dcp_worker.sink.counting import CountMismatch
from dcp_worker.sink.shape import ID, RECORD


class Plan(Protocol):
    """Cleans a batch."""

    def clean(self, batch: Batch) -> Cleaned: ...


class ReplayPlan(msgspec.Struct, frozen=True):
    """How an object's rejects are cleaned now. `unique`: whether the spec names the record's identity."""

    plan: Plan
    format: Format
    revision: str
    unique: bool


class Cleansed(msgspec.Struct, frozen=True):
    """What became of some rejects. `taken` are those that became something else than they were."""

    taken: tuple[StoredReject, ...]
    rows: pl.DataFrame | None
    rejects: tuple[Reject, ...]
    """Of those taken, rejected for another reason; each with its original place and bytes."""
    duplicates: int
    filtered: int
    unchanged: int


def readable_alone(reject: StoredReject, format_: Format) -> bool:
    """Whether the record's bytes, put before others, are read as exactly this record: no open quote swallows them."""
    if reject.raw is None or not reject.complete:
        return False
    if not format_.delimited:
        return b"\n" not in reject.raw
    dialect = dialect_of(format_)
    behind = dialect.quote.encode() + b"\n"  # closes what is open
    return record_at(reject.raw + b"\n" + behind, 0, dialect).end == len(reject.raw) + 1


def clean_again(source: SourceObject, rejects: Sequence[StoredReject], plan: ReplayPlan) -> Cleansed:
    """Clean these rejects of one object, in the order of their records.

    Raises CountMismatch where a batch of them is not read as it was built.
    """
    results = [_clean_group(source, group, plan) for group in _groups(rejects, plan.unique)]
    frames = [each.rows for each in results if each.rows is not None and each.rows.height]
    rows = pl.concat(frames).unique(subset=ID, keep="first", maintain_order=True) if frames else None
    dropped = sum(frame.height for frame in frames) - (rows.height if rows is not None else 0)
    return Cleansed(
        taken=tuple(reject for each in results for reject in each.taken),
        rows=rows,
        rejects=tuple(reject for each in results for reject in each.rejects),
        duplicates=sum(each.duplicates for each in results) + dropped,
        filtered=sum(each.filtered for each in results),
        unchanged=sum(each.unchanged for each in results),
    )


def _groups(rejects: Sequence[StoredReject], unique: bool) -> Iterator[Sequence[StoredReject]]:
    """All together; without `unique` only neighbours, because there the record's number is its identity."""
    if unique:
        yield rejects
        return
    start = 0
    for position in range(1, len(rejects) + 1):
        if position == len(rejects) or rejects[position].record != rejects[position - 1].record + 1:
            yield rejects[start:position]
            start = position


def _clean_group(source: SourceObject, group: Sequence[StoredReject], plan: ReplayPlan) -> Cleansed:
    first = 1 if plan.unique else group[0].record
    cleaned = plan.plan.clean(batch_of(source, group, plan.revision, first))
    settled = cleaned.rows.height + cleaned.duplicates + len(cleaned.rejects) + cleaned.filtered
    if cleaned.read != len(group) or settled != len(group):
        raise CountMismatch(
            f"{source.uri}: {len(group)} rejects were read as {cleaned.read} records, {settled} settled"
        )
    again = {each.record - first: each for each in cleaned.rejects}
    same = {position for position, each in again.items() if _same(each, group[position])}
    return Cleansed(
        taken=tuple(each for position, each in enumerate(group) if position not in same),
        rows=_at_their_places(cleaned.rows, group, first),
        rejects=tuple(_at_its_place(each, group[position]) for position, each in again.items() if position not in same),
        duplicates=cleaned.duplicates,
        filtered=cleaned.filtered,
        unchanged=len(same),
    )


def batch_of(source: SourceObject, group: Sequence[StoredReject], revision: str, first_record: int) -> Batch:
    """These rejects as a batch, one behind the other."""
    raw = b"".join((each.raw or b"") + b"\n" for each in group)
    return Batch(
        id=digest_of(raw),
        pipeline=source.pipeline,
        source=source.source,
        object_id=source.id,
        uri=source.uri,
        sequence=0,
        start=0,
        end=len(raw),
        records=len(group),
        first_record=first_record,
        first_line=1,
        digest=digest_of(raw),
        revision=revision,
        header=source.header,
        defect=None,
        body=compress(raw),
    )


def _same(now: Reject, before: StoredReject) -> bool:
    return (now.code, now.field, now.reason) == (before.code, before.field, before.reason)


def _at_their_places(rows: pl.DataFrame, group: Sequence[StoredReject], first: int) -> pl.DataFrame:
    records = pl.Series(RECORD, [each.record for each in group], dtype=pl.Int64)
    return rows.with_columns(records.gather(rows[RECORD] - first))


def _at_its_place(now: Reject, before: StoredReject) -> Reject:
    return replace(
        now,
        record=before.record,
        line=before.line,
        start=before.start,
        raw=before.raw or b"",
        raw_bytes=before.raw_bytes,
        raw_digest=before.raw_digest,
    )
