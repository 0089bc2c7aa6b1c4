"""dcp verify finds whatever does not add up, from the rows, rejects and cuts alone."""

from __future__ import annotations

import re

import pytest

from dcp_pipeline.ledger import FindingKind, Ledger, LedgerError, verify
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.ledger.verify import VerifyReport
from dcp_worker.sink import SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, CleanedCase, Source, cleaning, reject, rows_of

SPEC = cleaning(("name", "string", 100), ("n", "integer"), unique=["name"])


@pytest.fixture
def source(database: Database) -> Source:
    """Two batches, done: rows 1-3 and 5-6, and record 4 rejected."""
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(SPEC)
    source = Source(ledger, SPEC)
    first, second = source.lines("a", "b", "c"), source.lines("x", "e", "f")
    sink.commit(first, CleanedCase(rows_of(SPEC, [("a", 1), ("b", 2), ("c", 3)]), read=3), worker="w")
    sink.commit(second, CleanedCase(rows_of(SPEC, [("e", 5), ("f", 6)], first=5), (reject(4),), read=3), worker="w")
    return source


def look(database: Database) -> VerifyReport:
    return verify(database.engine, PIPELINE, "clean")


def test_books_that_balance_have_no_findings(database: Database, source: Source) -> None:
    report = look(database)
    assert (report.findings, report.balanced, report.complete) == ((), True, True)
    assert (report.objects, report.batches, report.rows, report.rejects) == (1, 2, 5, 1)


@pytest.mark.parametrize(
    ("tampering", "kind", "message"),
    [
        ("DELETE FROM clean WHERE name = 'b'", FindingKind.ROWS, "cut 0 .* 2 rows in the table, 3 in the ledger"),
        ("DELETE FROM clean WHERE n < 4", FindingKind.ROWS, "0 rows in the table, 3 in the ledger"),
        ("UPDATE clean SET _dcp_record = 99 WHERE name = 'b'", FindingKind.ROWS, "rows of records 1-99, which are not all its own"),
        ("DELETE FROM dcp_rejects", FindingKind.REJECTS, "cut 1 .* 0 rejects kept, 0 taken by it, 1 in the ledger"),
        ("UPDATE dcp_batches SET duplicates = 1 WHERE sequence = 0", FindingKind.COUNTS, "3 records cut, 3 read by the worker, 4 accounted for"),
        ("UPDATE dcp_batches SET records = 4 WHERE sequence = 1", FindingKind.COUNTS, "4 records cut, 3 read"),
        ("UPDATE dcp_batches SET sequence = 5 WHERE sequence = 1", FindingKind.GAP, "cut 1 is missing before cut 5"),
        ("UPDATE dcp_batches SET start = 17 WHERE sequence = 1", FindingKind.GAP, "bytes 16-17 are missing before cut 1"),
        ("UPDATE dcp_batches SET start = 15 WHERE sequence = 1", FindingKind.GAP, "bytes 15-16 are there twice before cut 1"),
        ("UPDATE dcp_batches SET start = 12 WHERE sequence = 0", FindingKind.GAP, "bytes 10-12 are missing before cut 0"),
        ("UPDATE dcp_objects SET state = 'unavailable', reason = 'gone'", FindingKind.UNAVAILABLE, "gone"),
        ("UPDATE dcp_objects SET state = 'cutting'", FindingKind.PENDING, "its bytes are not all read yet"),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_named(
    database: Database, source: Source, tampering: str, kind: FindingKind, message: str
) -> None:
    database.execute(tampering)
    [finding] = look(database).findings
    assert (finding.kind, finding.uri) == (kind, source.uri)
    assert re.search(message, finding.message)
    assert look(database).balanced is (kind in (FindingKind.UNAVAILABLE, FindingKind.PENDING))


def test_a_row_of_no_known_batch_is_found(database: Database, source: Source) -> None:
    stray = "INSERT INTO clean (name, _dcp_id, _dcp_batch, _dcp_record) VALUES ('z', x'{0}', x'{0}', 1)"
    database.execute(stray.format("ab" * 16))
    [finding] = look(database).findings
    assert finding.kind is FindingKind.STRAY_ROWS
    assert "1 rows of batch " + "ab" * 16 in finding.message


def test_a_doubled_identity_is_found_where_the_key_was_dropped(mariadb: Database) -> None:
    ledger = Ledger(mariadb.engine, PIPELINE)
    ledger.prepare()
    SinkWriter(mariadb.engine, PIPELINE, "clean").prepare(SPEC)
    mariadb.execute("ALTER TABLE clean DROP INDEX _dcp_id")
    row = "(x'{0}', x'{0}', {1})"
    rows = ", ".join(row.format("ab" * 16, n) for n in (1, 2))
    mariadb.execute(f"INSERT INTO clean (_dcp_id, _dcp_batch, _dcp_record) VALUES {rows}")
    kinds = {each.kind for each in look(mariadb).findings}
    assert kinds == {FindingKind.DOUBLED, FindingKind.STRAY_ROWS}


def test_rows_of_another_pipeline_in_the_same_table_do_not_matter(database: Database, source: Source) -> None:
    assert verify(database.engine, "default/other", "clean").findings == ()
    database.execute("UPDATE dcp_batches SET pipeline = 'default/other'")
    assert FindingKind.STRAY_ROWS not in {each.kind for each in look(database).findings}


def test_pending_and_dead_batches_are_reported_with_their_ranges(database: Database, source: Source) -> None:
    pending, dead = source.lines("g"), source.lines("h")
    source.ledger.mark_dead(dead.id, "crashed 3 workers", 3)
    source.ledger.update_object(source.id, state=ObjectState.CUT)
    report = look(database)
    assert [(each.kind, each.message) for each in report.findings] == [
        (FindingKind.PENDING, f"1 records (cut 2, bytes {pending.start}-{pending.end}) are cut"),
        (FindingKind.DEAD, f"1 records (cut 3, bytes {dead.start}-{dead.end}) are dead: crashed 3 workers"),
    ]
    assert (report.balanced, report.complete) == (True, False)


def test_a_table_that_is_gone_means_that_all_rows_are(database: Database, source: Source) -> None:
    database.execute("DROP TABLE clean")
    assert [each.kind for each in look(database).findings] == [FindingKind.ROWS, FindingKind.ROWS]


def test_a_database_without_a_ledger_says_so(database: Database) -> None:
    with pytest.raises(LedgerError, match="has it run with this sink"):
        look(database)
