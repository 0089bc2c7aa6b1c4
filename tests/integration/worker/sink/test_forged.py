"""Whoever can write to the queue cannot put rows into the sink: what was cut stands in the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dcp_pipeline.batch import BatchForged, compress, digest_of
from dcp_pipeline.ledger import Ledger
from dcp_worker.sink import CommitKind, SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, CleanedCase, Source, cleaning, rows_of

SPEC = cleaning(("n", "integer"), unique=["n"])
FORGED = b"9\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"body": compress(FORGED), "digest": digest_of(FORGED)},
        {"start": 11},
        {"end": 30, "digest": digest_of(FORGED)},
        {"records": 2},
        {"first_record": 5},
        {"first_line": 9},
        {"sequence": 3},
        {"object_id": "f" * 32},
        {"source": "other"},
        {"uri": "http://feed/b.csv"},
        {"revision": "revision-2"},
        {"header": ("m",)},
        {"header": None},
        {"defect": "too long"},
    ],
)
def test_a_batch_that_was_cut_otherwise_is_refused_whole(
    database: Database, ledger: Ledger, changes: dict[str, Any]
) -> None:
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(SPEC)
    batch = Source(ledger, SPEC).lines("1")
    forged = replace(batch, **changes)
    cleaned = CleanedCase(rows_of(SPEC, [[9]]), read=forged.records, duplicates=forged.records - 1)
    with pytest.raises(BatchForged, match="was not cut so"):
        sink.commit(forged, cleaned, worker="w")
    assert ledger.pending_batches() == 1
    outcome = sink.commit(batch, CleanedCase(rows_of(SPEC, [[1]]), read=1), worker="w")
    assert outcome.kind is CommitKind.COMMITTED
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM clean").fetchall() == [(1,)]


def test_a_batch_that_was_never_cut_has_no_effect(database: Database, ledger: Ledger) -> None:
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(SPEC)
    batch = replace(Source(ledger, SPEC).lines("1"), id="e" * 32)
    outcome = sink.commit(batch, CleanedCase(rows_of(SPEC, [[9]]), read=1), worker="w")
    assert outcome.kind is CommitKind.UNKNOWN_BATCH
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM clean").scalar() == 0
