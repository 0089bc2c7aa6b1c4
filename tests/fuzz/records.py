"""From an object's bytes to rows and rejects, as fetcher and worker do it together: cut, sent, read, cleaned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

import polars as pl

from dcp_fetcher.cutting.split import Position, RawCut, Splitter
from dcp_pipeline.batch import RAW_KEPT_BYTES, Batch, digest_of
from dcp_pipeline.ledger.model import Reject
from dcp_pipeline.spec.model import BatchSize, Cleaning, Format
from dcp_pipeline.spec.units import Quantity
from dcp_worker.clean.group import AT
from dcp_worker.clean.plan import ID, RECORD, CleaningPlan
from fuzz.mutations import pieces
from support.batches import cleaning_of
from support.reading import batch_of_cut

TYPES: tuple[str, ...] = get_args(get_type_hints(Format)["type"])
"""Every type of format that a spec may name."""
CLEANING = cleaning_of(
    {"name": "a", "transforms": ["trim", "lower"], "constraints": {"maxLength": 40}},
    {"name": "b", "type": "integer", "constraints": {"minimum": -5}},
    {"name": "c", "type": "ip"},
    {"name": "d", "type": "datetime"},
    {"name": "e", "from": "x.y", "type": "number"},
    {"name": "f", "type": "boolean"},
    missingValues=["", "-"],
)
AS_WRITTEN = cleaning_of(*({"name": name} for name in "abc"), missingValues=[])


@dataclass(frozen=True)
class Outcome:
    """What became of each record, by its number in the object."""

    rows: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    rejects: dict[int, Reject] = field(default_factory=dict)
    duplicates: int = 0
    read: int = 0


def cuts_of(raw: bytes, form: Format, batch: BatchSize, lengths: Sequence[int] = ()) -> tuple[Splitter, list[RawCut]]:
    """The object's cuts, its bytes coming in pieces of these lengths. Raises DamagedError."""
    splitter, cuts = Splitter(form, batch), []
    for piece in pieces(raw, lengths):
        cuts += splitter.feed(piece)
    return splitter, cuts + splitter.finish()


def size(records: int, bytes_: int) -> BatchSize:
    return BatchSize(max_records=records, max_bytes=Quantity(bytes_))


def outcome_of(raw: bytes, form: Format, batch: BatchSize, cleaning: Cleaning, lengths: Sequence[int] = ()) -> Outcome:
    """Cut, sent, read, cleaned; and nothing unaccounted for. Raises DamagedError where there is no header."""
    plan = CleaningPlan.compile(cleaning, form)
    splitter, cuts = cuts_of(raw, form, batch, lengths)
    header = splitter.header.labels if splitter.header else None
    expected = Position(splitter.header.end if splitter.header else 0, 0, 1, cuts[0].at.line if cuts else 1)
    rows: dict[int, tuple[Any, ...]] = {}
    rejects: dict[int, Reject] = {}
    duplicates = 0
    batches = [batch_of_cut(cut, header) for cut in cuts]
    check_together(plan, batches)
    for cut, batch in zip(cuts, batches, strict=True):
        assert (cut.at.offset, cut.at.sequence, cut.at.record) == (expected.offset, expected.sequence, expected.record)
        cleaned = plan.clean(batch)
        assert cleaned.read == cut.records, f"the fetcher counted {cut.records} records, the worker {cleaned.read}"
        assert cleaned.read == cleaned.rows.height + cleaned.duplicates + len(cleaned.rejects) + cleaned.filtered
        numbers = Counter([*cleaned.rows[RECORD], *(each.record for each in cleaned.rejects)])
        assert all(count == 1 for count in numbers.values()), "a record is there twice"
        assert all(cut.at.record <= number < cut.at.record + cut.records for number in numbers)
        for reject in cleaned.rejects:
            _check_place(raw, cut, reject)
        rows |= dict(zip(cleaned.rows[RECORD], cleaned.rows.drop(ID, RECORD).rows(), strict=True))
        rejects |= {each.record: each for each in cleaned.rejects}
        duplicates += cleaned.duplicates
        expected = Position(cut.end, cut.at.sequence + 1, cut.at.record + cut.records)
    rest = raw[expected.offset :]
    assert not rest or (form.comment_char and form.comment_char.encode() in rest), f"{rest!r} at the end is in no cut"
    return Outcome(rows, rejects, duplicates, expected.record - 1)


def check_together(plan: CleaningPlan, batches: Sequence[Batch]) -> None:
    """Batches that are cleaned as one become what each becomes by itself, down to the identities."""
    group = plan.clean_together(dict(enumerate(batches)))
    assert sorted(group.accounts) == list(range(len(batches)))
    for number, batch in enumerate(batches):
        alone, account = plan.clean(batch), group.accounts[number]
        rows = [frame.filter(pl.col(AT) == number).drop(AT).sort(ID, RECORD) for frame in group.frames]
        (mine,) = [each for each in rows if each.height] or [alone.rows.clear()]
        kept = mine.filter(pl.col(ID).ne_missing(pl.col(ID).shift(1)))
        assert kept.equals(alone.rows), f"batch {number}: {kept} and by itself {alone.rows}"
        assert (account.read, account.rejects, account.filtered) == (alone.read, alone.rejects, alone.filtered)
        assert account.duplicates + mine.height - kept.height == alone.duplicates


def _check_place(raw: bytes, cut: RawCut, reject: Reject) -> None:
    """A reject's bytes are those that stand where it says."""
    assert cut.at.offset <= reject.start
    assert reject.start + reject.raw_bytes <= cut.end
    stands = raw[reject.start : reject.start + reject.raw_bytes]
    assert reject.raw == stands[:RAW_KEPT_BYTES]
    assert reject.raw_digest == digest_of(stands)
