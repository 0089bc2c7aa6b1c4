"""What was taken as the last record of a half-written version is taken back, in one transaction, books and all."""

from __future__ import annotations

import pytest

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.verify import verify
from dcp_worker.sink import SinkWriter
from support.databases import Database
from support.sink_cases import NAMED, PIPELINE, CleanedCase, Source, reject, rows_of


def counts(ledger: Ledger) -> Counts:
    books = ledger.books()
    return Counts(*(books.total(name) for name in ("read", "written", "duplicates", "rejected", "filtered")))


@pytest.mark.parametrize("kind", ["row", "reject", "duplicate"])
def test_row_or_reject_goes_and_counts_as_a_duplicate(
    database: Database, ledger: Ledger, sink: SinkWriter, kind: str
) -> None:
    batch = Source(ledger, NAMED).lines("a,1", "b,2", "c,250")
    rows = rows_of(NAMED, [("a", 1), ("b", 2), ("c", 250)][: 3 if kind == "row" else 2])
    rejects = (reject(3, b"c,250"),) if kind == "reject" else ()
    sink.commit(batch, CleanedCase(rows, rejects, read=3, duplicates=int(kind == "duplicate")), worker="w")
    assert ledger.withdraw_records("clean", batch.id, 3) == (kind != "duplicate")
    assert ledger.withdraw_records("clean", batch.id, 3) == 0, "said twice it is done once"
    assert sorted(database.execute("SELECT name FROM clean")) == [("a",), ("b",)]
    assert list(ledger.rejects()) == []
    assert counts(ledger) == Counts(read=3, written=2, duplicates=1, rejected=0)
    assert verify(database.engine, PIPELINE, "clean").findings == ()


def test_what_is_not_settled_stays(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    source = Source(ledger, NAMED)
    batch, other = source.lines("a,1", "b,2"), source.lines("c,3")
    sink.commit(other, CleanedCase(rows_of(NAMED, [("c", 3)], first=3), read=1), worker="w")
    assert ledger.withdraw_records("clean", batch.id, 1) == 0
    assert sorted(database.execute("SELECT name FROM clean")) == [("c",)]


def test_a_dead_batch_counts_as_duplicates_and_no_requeue_brings_the_half_record(
    database: Database, ledger: Ledger, sink: SinkWriter
) -> None:
    batch = Source(ledger, NAMED).lines("a,1", "b,2")
    ledger.mark_dead(batch.id, "failed 3 times", 3)
    assert ledger.withdraw_records("clean", batch.id, 2) == 2
    assert ledger.withdraw_records("clean", batch.id, 2) == 0, "said twice it is done once"
    assert ledger.revive([batch.id]) == 0
    sink.commit(batch, CleanedCase(rows_of(NAMED, [("a", 1), ("b", 2)]), read=2), worker="w")
    assert database.execute("SELECT name FROM clean") == []
    assert counts(ledger) == Counts(read=2, written=0, duplicates=2, rejected=0)
    assert verify(database.engine, PIPELINE, "clean").findings == ()
