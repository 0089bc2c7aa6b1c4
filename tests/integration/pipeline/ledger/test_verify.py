"""dcp verify finds whatever does not add up, from the rows, rejects and cuts alone."""

from __future__ import annotations

import pytest

from dcp_pipeline.ledger import Ledger, LedgerError
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.verify import FindingKind, verify
from dcp_pipeline.verify.verify import VerifyReport
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


def test_what_is_missing_does_not_make_the_books_wrong(database: Database, source: Source) -> None:
    for state, kind in (("unavailable", FindingKind.UNAVAILABLE), ("cutting", FindingKind.PENDING)):
        database.execute(f"UPDATE dcp_objects SET state = '{state}', reason = 'gone'")
        [finding] = look(database).findings
        assert (finding.kind, finding.uri) == (kind, source.uri)
        assert look(database).balanced
    database.execute("DELETE FROM clean WHERE name = 'b'")
    assert not look(database).balanced


def test_a_row_of_no_known_batch_is_found(database: Database, source: Source) -> None:
    stray = "INSERT INTO clean (name, _dcp_id, _dcp_batch, _dcp_record) VALUES ('z', x'{0}', x'{0}', 1)"
    database.execute(stray.format("ab" * 16))
    [finding] = look(database).findings
    assert finding.kind is FindingKind.STRAY_ROWS
    assert "1 rows of batch " + "ab" * 16 in finding.message


def test_a_doubled_identity_is_found_where_the_key_was_dropped(mysql_like: Database) -> None:
    ledger = Ledger(mysql_like.engine, PIPELINE)
    ledger.prepare()
    SinkWriter(mysql_like.engine, PIPELINE, "clean").prepare(SPEC)
    mysql_like.execute("ALTER TABLE clean DROP INDEX _dcp_id")
    row = "(x'{0}', x'{0}', {1})"
    rows = ", ".join(row.format("ab" * 16, n) for n in (1, 2))
    mysql_like.execute(f"INSERT INTO clean (_dcp_id, _dcp_batch, _dcp_record) VALUES {rows}")
    kinds = {each.kind for each in look(mysql_like).findings}
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
        (FindingKind.DEAD, f"1 records (cut 3, bytes {dead.start}-{dead.end}, {dead.id}) are dead: crashed 3 workers"),
    ]
    assert (report.balanced, report.complete) == (True, False)


def test_a_table_that_is_gone_means_that_all_rows_are(database: Database, source: Source) -> None:
    database.execute("DROP TABLE clean")
    assert [each.kind for each in look(database).findings] == [FindingKind.ROWS, FindingKind.ROWS]


def test_a_table_of_somebody_elses_has_none_of_our_rows(database: Database, source: Source) -> None:
    database.execute("CREATE TABLE other (name VARCHAR(9))")
    report = verify(database.engine, PIPELINE, "other")
    assert {finding.kind for finding in report.findings} == {FindingKind.ROWS}


def test_a_database_without_a_ledger_says_so(database: Database) -> None:
    with pytest.raises(LedgerError, match="has it run with this sink"):
        look(database)
