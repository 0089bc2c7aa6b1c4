"""Several batches' entries in the ledger, claimed and settled by one transaction: claims.py, for a set of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import asdict
from sqlalchemy import Connection, select, update

from dcp_pipeline.batch import Batch
from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.transactions import TryAgain
from dcp_pipeline.ledger.claims import check, kind_unclaimed
from dcp_pipeline.ledger.model import BatchState, ClaimKind, Counts
from dcp_pipeline.ledger.tables import BATCHES


def claim_together(connection: Connection, pipeline: str, batches: Sequence[Batch]) -> dict[str, ClaimKind]:
    """Take the entries of several batches, compared with what was cut: batch id -> what became of it. Of those that are
    CLAIMED nothing is changed yet, but nobody else can: settle_together must follow in the same transaction.

    Another worker's open transaction on one of them is waited for. Raises BatchForged, naming what differs.
    """
    ids = sorted(batch.id for batch in batches)  # in one order everywhere: who waits for another holds nothing of it
    query = select(BATCHES.c.id, BATCHES.c.state).where(BATCHES.c.id.in_(ids), BATCHES.c.pipeline == pipeline)
    states = {row.id: row.state for row in connection.execute(query.order_by(BATCHES.c.id).with_for_update())}
    kinds = {each.id: _kind(states.get(each.id)) for each in batches}
    check(connection, [each for each in batches if kinds[each.id] is ClaimKind.CLAIMED])
    return kinds


def _kind(state: str | None) -> ClaimKind:
    if state == BatchState.CUT.value:
        return ClaimKind.CLAIMED
    return kind_unclaimed(state)


def settle_together(
    connection: Connection, pipeline: str, worker: str, settled: Mapping[str, tuple[Counts, int]]
) -> None:
    """Write what became of the records of batches that were claimed together: their counts, and the bytes that were
    kept of their rejects. A statement for all that have the same ones, which most of many small files do."""
    alike: dict[tuple[Counts, int], list[str]] = {}
    for batch_id, outcome in settled.items():
        alike.setdefault(outcome, []).append(batch_id)
    common = {"state": BatchState.DONE.value, "worker": worker[:255], "reason": None, "settled_at": utc_now()}
    for (counts, kept_bytes), ids in alike.items():
        statement = update(BATCHES).where(BATCHES.c.id.in_(sorted(ids)), BATCHES.c.pipeline == pipeline)
        values = common | asdict(counts) | {"kept_bytes": kept_bytes}
        taken = connection.execute(statement.where(BATCHES.c.state == BatchState.CUT.value).values(**values))
        if taken.rowcount != len(ids):
            raise TryAgain(f"of {len(ids)} batches that were claimed {taken.rowcount} could be settled")
