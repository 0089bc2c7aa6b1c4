"""What LOAD DATA would coerce in silence never reaches the table: the record becomes a reject, the others are written.

The limits that prepare() tells keep such values out before; these tests send them all the same, as if a column had
been altered while workers run.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.verify import verify
from dcp_worker.sink import CommitOutcome, SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, CleanedCase, Source, cleaning, rows_of

WAYS = pytest.mark.parametrize("local_infile", [True, False], ids=["load-data", "insert"])


def commit(database: Database, spec: Any, rows: list[Any], alter: str, local_infile: bool) -> CommitOutcome:
    """Prepare the table, alter it behind the worker's back, and commit one batch of `rows`."""
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    sink = SinkWriter(database.connect(local_infile=local_infile), PIPELINE, "clean")
    sink.prepare(spec)
    database.execute(alter)
    batch = Source(ledger, spec).lines(*(f"line {n}" for n in range(1, len(rows) + 1)))
    return sink.commit(batch, CleanedCase(rows_of(spec, rows), read=len(rows)), worker="w")


@WAYS
@pytest.mark.parametrize(
    ("kind", "column", "bad", "good"),
    [
        ("integer", "SMALLINT UNSIGNED", 99999, 65535),
        ("integer", "TINYINT", -129, -128),
        ("integer", "BIGINT NOT NULL", None, 0),
        ("string", "VARCHAR(3)", "abcd", "abc"),
        ("string", "VARCHAR(3)", "abc ", "ab "),
        ("string", "VARCHAR(9) CHARACTER SET latin1", "漢字", "é"),
        ("string", "ENUM('x','y')", "z", "x"),
        ("datetime", "TIMESTAMP NULL", datetime(2200, 1, 1), datetime(2020, 1, 1)),
        ("number", "DECIMAL(5,2)", 1.234, 1.25),
        ("number", "DECIMAL(5,2)", 12345.5, 999.5),
    ],
)
def test_a_value_that_the_database_would_change_is_rejected(
    mysql_like: Database, kind: str, column: str, bad: Any, good: Any, local_infile: bool
) -> None:
    assert_rejected(mysql_like, kind, column, bad, good, local_infile)


@WAYS
@pytest.mark.parametrize(
    ("kind", "column", "bad", "good"),
    [
        ("date", "DATE CHECK (value <> '2024-02-28')", date(2024, 2, 28), date(2024, 2, 29)),
        ("integer", "BIGINT CHECK (value < 10)", 10, 9),
    ],
)
def test_a_value_that_a_check_refuses_is_rejected(
    mariadb: Database, kind: str, column: str, bad: Any, good: Any, local_infile: bool
) -> None:
    assert_rejected(mariadb, kind, column, bad, good, local_infile)


def assert_rejected(database: Database, kind: str, column: str, bad: Any, good: Any, local_infile: bool) -> None:
    spec = cleaning(("name", "string", 10), ("value", kind, 100))
    rows = [("first", good), ("bad", bad), ("last", good)]
    outcome = commit(database, spec, rows, f"ALTER TABLE clean MODIFY value {column}", local_infile)
    assert outcome.counts == Counts(read=3, written=2, duplicates=0, rejected=1)
    assert [tuple(row) for row in database.execute("SELECT name, value FROM clean ORDER BY name")] == [
        ("first", good),
        ("last", good),
    ]
    [reject] = Ledger(database.engine, PIPELINE).rejects()
    assert (reject.record, reject.line, reject.raw, reject.code) == (2, 3, b"line 2", "constraint-error")
    assert "the table does not take it" in reject.reason
    assert verify(database.engine, PIPELINE, "clean").findings == ()


@WAYS
def test_a_unique_key_that_came_later_makes_rejects_and_no_duplicates(mysql_like: Database, local_infile: bool) -> None:
    spec = cleaning(("name", "string", 10), ("value", "integer"))
    alter = "ALTER TABLE clean ADD UNIQUE KEY theirs (value)"
    outcome = commit(mysql_like, spec, [("a", 1), ("b", 1), ("c", 2)], alter, local_infile)
    assert outcome.counts == Counts(read=3, written=2, duplicates=0, rejected=1)
    assert verify(mysql_like.engine, PIPELINE, "clean").findings == ()


def test_many_bad_records_in_one_batch_are_all_found(mariadb: Database) -> None:
    spec = cleaning(("name", "string", 10), ("value", "integer"))
    rows = [(f"r{n}", n) for n in range(500)]
    outcome = commit(mariadb, spec, rows, "ALTER TABLE clean MODIFY value SMALLINT CHECK (value % 50 <> 7)", True)
    assert outcome.counts == Counts(read=500, written=490, duplicates=0, rejected=10)
    assert [each.record for each in Ledger(mariadb.engine, PIPELINE).rejects()] == list(range(8, 500, 50))


def test_sqlite_refuses_a_record_and_takes_the_others(sqlite: Database) -> None:
    ledger = Ledger(sqlite.engine, PIPELINE)
    ledger.prepare()
    sqlite.execute(
        "CREATE TABLE clean (name TEXT NOT NULL, value BIGINT, _dcp_id BLOB UNIQUE, _dcp_batch BLOB, _dcp_record BIGINT)"
    )
    spec = cleaning(("name", "string", 10), ("value", "integer"))
    sink = SinkWriter(sqlite.engine, PIPELINE, "clean")
    assert sink.prepare(spec)["name"].nullable is False
    batch = Source(ledger, spec).lines("a", "b", "c")
    rows = rows_of(spec, [("a", 1), (None, 2), ("c", 3)])
    assert sink.commit(batch, CleanedCase(rows, read=3), worker="w").counts == Counts(3, 2, 0, 1)
    [reject] = ledger.rejects()
    assert (reject.record, reject.field, reject.raw) == (2, "name", b"b")
    assert verify(sqlite.engine, PIPELINE, "clean").findings == ()
