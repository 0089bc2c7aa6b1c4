"""Several batches' entries in the ledger, claimed and settled by one transaction: claims.py, for a set of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Row, select, update

from dcp_pipeline.batch import Batch, BatchForged
from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.transactions import TryAgain
from dcp_pipeline.ledger.claims import OF_BATCH, OF_OBJECT
from dcp_pipeline.ledger.model import BatchState, ClaimKind, Counts
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS, header_from


def claim_together(connection: Connection, pipeline: str, batches: Sequence[Batch]) -> dict[str, ClaimKind]:
    """Take the entries of several batches, compared with what was cut: batch id -> what became of it. Of those that are
    CLAIMED nothing is changed yet, but nobody else can: settle_together must follow in the same transaction.

    Another worker's open transaction on one of them is waited for. Raises BatchForged, naming what differs.
    """
    ids = sorted(batch.id for batch in batches)  # in one order everywhere: who waits for another holds nothing of it
    columns = [BATCHES.c[name] for name in ("id", "state", "header", *OF_BATCH)]
    query = select(*columns).where(BATCHES.c.id.in_(ids), BATCHES.c.pipeline == pipeline)
    entries = {row.id: row for row in connection.execute(query.order_by(BATCHES.c.id).with_for_update())}
    open_ = [each for each in batches if each.id in entries and entries[each.id].state == BatchState.CUT.value]
    of_object = [OBJECTS.c[name] for name in ("id", "header", *OF_OBJECT)]
    wanted = {each.object_id for each in open_}
    objects = {row.id: row for row in connection.execute(select(*of_object).where(OBJECTS.c.id.in_(wanted)))}
    for batch in open_:
        _check_as_cut(batch, entries[batch.id], objects.get(entries[batch.id].object_id))
    return {each.id: _kind(entries[each.id].state if each.id in entries else None) for each in batches}


def _check_as_cut(batch: Batch, entry: Row[Any], found: Row[Any] | None) -> None:
    if found is None:
        raise BatchForged(f"batch {batch.id} is of no object that the ledger knows")
    wrong = [name for name in OF_BATCH if getattr(entry, name) != getattr(batch, name)]
    wrong += [name for name in OF_OBJECT if getattr(found, name) != getattr(batch, name)]
    if header_from(found.header if entry.header is None else entry.header) != batch.header:
        wrong.append("header")
    if wrong:
        raise BatchForged(f"batch {batch.id} was not cut so: its {', '.join(wrong)} differ from the ledger's")


def _kind(state: str | None) -> ClaimKind:
    if state == BatchState.CUT.value:
        return ClaimKind.CLAIMED
    if state is None:
        return ClaimKind.UNKNOWN
    return ClaimKind.DEAD if state == BatchState.DEAD.value else ClaimKind.ALREADY_DONE


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
