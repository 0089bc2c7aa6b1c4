"""What a batch's counts must be before anything of it is written, and what they are then."""

from __future__ import annotations

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Counts
from dcp_worker.clean.group import Counted


class CountMismatch(Exception):
    """The worker's count of a batch's records is not the fetcher's, or does not add up. Nothing was written."""


def check_counts(batch: Batch, cleaned: Counted, rows: int) -> None:
    """Raises CountMismatch."""
    if cleaned.read != batch.records:
        raise CountMismatch(
            f"{batch.uri}, cut {batch.sequence}: the fetcher counted {batch.records} records, the worker {cleaned.read}"
        )
    settled = rows + cleaned.duplicates + len(cleaned.rejects) + cleaned.filtered
    if settled != cleaned.read:
        raise CountMismatch(f"{batch.uri}, cut {batch.sequence}: of {cleaned.read} records {settled} are accounted for")


def counts_of(cleaned: Counted, rows: int, new: int, expired: int, refused: int = 0) -> Counts:
    """Of so many rows so many are new in the table, have expired before they came, or were refused; the others stood
    there."""
    return Counts(
        read=cleaned.read,
        written=new + expired,
        duplicates=cleaned.duplicates + rows - new - expired - refused,
        rejected=len(cleaned.rejects) + refused,
        filtered=cleaned.filtered,
        expired=expired,
    )
