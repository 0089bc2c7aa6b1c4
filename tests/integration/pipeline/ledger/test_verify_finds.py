"""Every inconsistency that can be planted in a ledger, a table or among rejects is found, and named with its place."""

from __future__ import annotations

import re

import msgspec
import pytest

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import RejectFilter
from dcp_pipeline.spec.model import Cleaning, Constraints, Field, Format
from dcp_pipeline.verify import Finding, FindingKind, verify
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.sink import ReplayPlan, SinkWriter, replay
from support.databases import Database
from support.sink_cases import PIPELINE, Source

STRICT = Cleaning(
    fields=(Field(name="name"), Field(name="n", type="integer", constraints=Constraints(maximum=10))), unique=("name",)
)
LENIENT = msgspec.structs.replace(STRICT, fields=(Field(name="name"), Field(name="n", type="integer")))
OTHER = "ab" * 16
WITHOUT_KEYS = {
    "sqlite": ["CREATE TABLE copy AS SELECT * FROM clean", "DROP TABLE clean", "ALTER TABLE copy RENAME TO clean"],
    "mariadb": ["ALTER TABLE clean DROP PRIMARY KEY, DROP INDEX _dcp_id"],
    "mysql": ["ALTER TABLE clean DROP PRIMARY KEY, DROP INDEX _dcp_id"],
}
ROWS, STRAY_ROWS, DOUBLED = FindingKind.ROWS, FindingKind.STRAY_ROWS, FindingKind.DOUBLED
REJECTS, STRAY_REJECTS, STRAY_BATCHES = FindingKind.REJECTS, FindingKind.STRAY_REJECTS, FindingKind.STRAY_BATCHES
COUNTS, GAP, DIGEST = FindingKind.COUNTS, FindingKind.GAP, FindingKind.DIGEST
PENDING, DEAD, UNAVAILABLE = FindingKind.PENDING, FindingKind.DEAD, FindingKind.UNAVAILABLE
CUT = "kind = 'cut' AND sequence"


@pytest.fixture
def source(database: Database) -> Source:
    """Cuts 0 to 2: rows 1-3; row 4, rejects 5 and 6; rows 7-9 with a duplicate. A replay made a row of reject 5."""
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(STRICT)
    source, plan = Source(ledger, STRICT), CleaningPlan.compile(STRICT, Format())
    for lines in (["a,1", "b,2", "c,3"], ["d,4", "e,50", "f,x"], ["g,7", "a,1", "i,9"]):
        batch = source.lines(*lines)
        sink.commit(batch, plan.clean(batch), worker="w")
    mended = CleaningPlan.compile(LENIENT, Format())
    replay(ledger, sink, lambda _: ReplayPlan(mended, Format(), "revision-2", True), RejectFilter())
    return source


def findings(database: Database) -> tuple[Finding, ...]:
    return verify(database.engine, PIPELINE, "clean").findings


def test_the_books_balance_before_anything_is_planted(database: Database, source: Source) -> None:
    assert findings(database) == ()
    assert len(database.execute("SELECT 1 FROM clean")) == 7


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("DELETE FROM clean WHERE name = 'b'", [(ROWS, "cut 0 .*: 2 rows in the table, 3 in the ledger")]),
        ("DELETE FROM clean WHERE name = 'e'", [(ROWS, "replay 0 .*: 0 rows in the table, 1 in the ledger")]),
        ("DELETE FROM clean", [(ROWS, "0 rows in the table")] * 4),
        ("UPDATE clean SET _dcp_record = 5 WHERE name = 'c'", [(ROWS, "rows of records 1-5, which are not all its own")]),
        (f"UPDATE clean SET _dcp_batch = x'{OTHER}' WHERE name = 'c'",
         [(ROWS, "2 rows in the table, 3 in"), (STRAY_ROWS, f"1 rows of batch {OTHER}, which the ledger does not know")]),
        ("UPDATE clean SET _dcp_record = 6 WHERE name = 'd'", [(REJECTS, "cut 1 .*: 1 records are rows and rejects, first 6")]),
        ("DELETE FROM dcp_rejects WHERE record = 6", [(REJECTS, "cut 1 .*: 1 rejects kept, 0 taken by it, 2 in the ledger")]),
        ("UPDATE dcp_rejects SET record = 99 WHERE record = 6", [(REJECTS, "rejects of records 5-99, which are not all")]),
        (f"UPDATE dcp_rejects SET batch_id = '{OTHER}' WHERE record = 6",
         [(REJECTS, "1 rejects kept"), (STRAY_REJECTS, f"1 rejects of batch {OTHER}, which the ledger does not know")]),
        ("UPDATE dcp_rejects SET state = 'open', replay_batch = NULL", [(REJECTS, "replay 0 .*: 0 rejects kept, 0 taken by it, -1")]),
        (f"UPDATE dcp_rejects SET state = 'replayed', replay_batch = '{OTHER}' WHERE record = 6",
         [(STRAY_REJECTS, f"replayed by unknown {OTHER}")]),
        ("DELETE FROM dcp_batches WHERE kind = 'replay'", [(STRAY_ROWS, "1 rows of batch"), (STRAY_REJECTS, "replayed by unknown")]),
        (f"DELETE FROM dcp_batches WHERE {CUT} = 0", [(STRAY_ROWS, "3 rows of batch"), (GAP, "bytes 10-22 are missing before cut 1")]),
        (f"DELETE FROM dcp_batches WHERE {CUT} = 1",
         [(STRAY_ROWS, "1 rows of batch"), (STRAY_REJECTS, "1 rejects of batch"), (STRAY_REJECTS, "1 rejects of batch"),
          (GAP, "cut 1 is missing before cut 2"), (GAP, "bytes 22-35 are missing before cut 2")]),
        (f"DELETE FROM dcp_batches WHERE {CUT} = 2", [(STRAY_ROWS, "2 rows of batch")]),
        ("DELETE FROM dcp_objects", [(STRAY_BATCHES, "4 batches with 9 records of object .*, which the ledger does not know")]),
        (f"UPDATE dcp_batches SET duplicates = 1 WHERE {CUT} = 0", [(COUNTS, "cut 0 .*: 3 records cut, 3 read by the worker, 4 acc")]),
        (f"UPDATE dcp_batches SET written = 2, duplicates = 1 WHERE {CUT} = 0", [(ROWS, "3 rows in the table, 2 in the ledger")]),
        (f"UPDATE dcp_batches SET records = 2 WHERE {CUT} = 2", [(COUNTS, "2 records cut, 3 read"), (ROWS, "rows of records 7-9")]),
        ("UPDATE dcp_batches SET written = 2 WHERE kind = 'replay'", [(ROWS, "replay 0 .*: 1 rows"), (COUNTS, "replay 0")]),
        (f"UPDATE dcp_batches SET digest = '{OTHER}' WHERE {CUT} = 0", [(DIGEST, f"cut 0 .*: its id is not of bytes 10-22 and {OTHER}")]),
        (f"UPDATE dcp_batches SET start = 23 WHERE {CUT} = 1", [(GAP, "bytes 22-23 are missing before cut 1"), (DIGEST, "cut 1")]),
        (f"UPDATE dcp_batches SET start = 21 WHERE {CUT} = 1", [(GAP, "bytes 21-22 are there twice before cut 1"), (DIGEST, "cut 1")]),
        (f"UPDATE dcp_batches SET sequence = 5 WHERE {CUT} = 2", [(GAP, "cut 2 is missing before cut 5")]),
        ("UPDATE dcp_objects SET uri = 'http://feed/b.csv'", [(DIGEST, "object .*: its id is not of its uri and version")]),
        (f"UPDATE dcp_batches SET state = 'dead', reason = 'why' WHERE {CUT} = 2",
         [(ROWS, "cut 2 .*, dead.: 2 rows in the table, 0"), (DEAD, "3 records .cut 2, bytes 35-47, [0-9a-f]{32}. are dead: why")]),
        (f"UPDATE dcp_batches SET state = 'cut' WHERE {CUT} = 2", [(ROWS, "2 rows in the table, 0"), (PENDING, "3 records .cut 2")]),
        ("UPDATE dcp_objects SET state = 'unavailable', reason = 'bytes 1-2 are gone'", [(UNAVAILABLE, "bytes 1-2 are gone")]),
    ],
)  # fmt: skip
def test_what_was_planted_is_found_and_named(
    database: Database, source: Source, planted: str, found: list[tuple[FindingKind, str]]
) -> None:
    database.execute(planted)
    seen = findings(database)
    assert sorted(each.kind for each in seen) == sorted(kind for kind, _ in found), seen
    for kind, message in found:
        assert any(each.kind is kind and re.search(message, each.message) for each in seen), seen
    objectless = (STRAY_ROWS, STRAY_BATCHES)
    uri = database.execute("SELECT uri FROM dcp_objects")
    assert all(each.uri == uri[0][0] for each in seen if each.kind not in objectless)


def test_a_row_that_was_copied_is_found_where_no_key_forbids_it(database: Database, source: Source) -> None:
    for statement in WITHOUT_KEYS[database.kind]:
        database.execute(statement)
    database.execute("INSERT INTO clean SELECT * FROM clean WHERE name = 'b'")
    rows, doubled = findings(database)
    assert (rows.kind, rows.uri) == (ROWS, source.uri)
    assert "4 rows in the table, 3 in the ledger" in rows.message
    [(batch,)] = database.execute("SELECT id FROM dcp_batches WHERE kind = 'cut' AND sequence = 0")
    assert (doubled.kind, doubled.uri) == (DOUBLED, source.uri)
    assert doubled.message.startswith("2 rows of identity ")
    assert doubled.message.endswith(f"of batch {batch}")


def test_a_row_in_place_of_another_of_its_batch_is_found(database: Database, source: Source) -> None:
    for statement in WITHOUT_KEYS[database.kind]:
        database.execute(statement)
    database.execute("UPDATE clean SET _dcp_record = 2 WHERE name = 'c'")
    [rows] = findings(database)
    assert (rows.kind, rows.uri) == (ROWS, source.uri)
    assert "3 rows in the table, of 2 records" in rows.message
