"""What a batch's counts must be before anything of it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Reject


class CountMismatch(Exception):
    """The worker's count of a batch's records is not the fetcher's, or does not add up. Nothing was written."""


class Counted(Protocol):
    """What became of records that are no rows."""

    @property
    def rejects(self) -> Sequence[Reject]: ...
    @property
    def read(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def filtered(self) -> int: ...


def check_counts(batch: Batch, cleaned: Counted, rows: int) -> None:
    """Raises CountMismatch."""
    if cleaned.read != batch.records:
        raise CountMismatch(
            f"{batch.uri}, cut {batch.sequence}: the fetcher counted {batch.records} records, the worker {cleaned.read}"
        )
    settled = rows + cleaned.duplicates + len(cleaned.rejects) + cleaned.filtered
    if settled != cleaned.read:
        raise CountMismatch(f"{batch.uri}, cut {batch.sequence}: of {cleaned.read} records {settled} are accounted for")
