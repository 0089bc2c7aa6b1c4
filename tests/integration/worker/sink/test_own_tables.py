"""Tables that somebody had before us, with rows, keys and constraints of their own: written beside, never altered."""

from __future__ import annotations

import threading
from typing import Any

import pymysql
import pytest

from dcp_pipeline.ledger import Ledger, TableMismatch
from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.spec.model import Cleaning
from dcp_pipeline.verify import verify
from dcp_worker.sink import CommitOutcome, SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, CleanedCase, Source, cleaning, rows_of

SPEC = cleaning(("email", "string", 100), ("n", "integer"), ("at", "datetime"), unique=["email"])
KEYED = cleaning(("n", "integer"), ("email", "string", 100), unique=["n"])


def refused(database: Database, spec: Cleaning = SPEC) -> str:
    """What the sink says of the table that stands."""
    Ledger(database.engine, PIPELINE).prepare()
    with pytest.raises(TableMismatch) as caught:
        SinkWriter(database.engine, PIPELINE, "clean").prepare(spec)
    return str(caught.value)


def script_in(message: str) -> list[str]:
    """The statements of the script in a message."""
    script = message.partition("Mend it")[2].partition("\n")[2]
    return [each.strip() for each in f"{script}\n".split(";\n") if each.strip()]


def mended(database: Database, spec: Cleaning = SPEC) -> SinkWriter:
    """The sink, once the script that it named was run by the administrator."""
    for statement in script_in(refused(database, spec)):
        database.execute(statement)
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(spec)
    return sink


def committed(
    database: Database, sink: SinkWriter, spec: Cleaning, rows: list[tuple[Any, ...]], uri: str = "http://feed/a.csv"
) -> CommitOutcome:
    source = Source(Ledger(database.engine, PIPELINE), spec, uri)
    names = [each.name for each in spec.fields]
    ids = [tuple(row[names.index(name)] for name in spec.unique) for row in rows]
    batch = source.lines(*(f"line {n}" for n in range(len(rows))))
    return sink.commit(batch, CleanedCase(rows_of(spec, rows, ids), read=len(rows)), worker="w")


@pytest.mark.parametrize("spec", [SPEC, cleaning(("n", "integer"), ("note", "string"), unique=["n"])])
def test_a_table_with_rows_is_told_all_at_once_and_the_script_mends_it(database: Database, spec: Cleaning) -> None:
    counts = "" if database.kind == "sqlite" else "AUTO_INCREMENT"
    database.execute(f"CREATE TABLE clean (id INTEGER {counts} PRIMARY KEY, email VARCHAR(100), n BIGINT)")
    database.execute("INSERT INTO clean VALUES (7, 'theirs@x', 1), (9, NULL, NULL)")
    sink = mended(database, spec)
    if spec is SPEC:
        outcome = committed(database, sink, spec, [("a@x", 1, None), ("b@x", 2, None)])
        assert outcome.counts == Counts(read=2, written=2, duplicates=0, rejected=0, filtered=0)
    theirs = database.execute("SELECT id, email, n, _dcp_id FROM clean WHERE _dcp_batch IS NULL ORDER BY id")
    assert list(theirs) == [(7, "theirs@x", 1, None), (9, None, None, None)]
    assert verify(database.engine, PIPELINE, "clean").findings == ()


def test_every_problem_is_told_and_nothing_of_theirs_is_dropped(mysql_like: Database) -> None:
    mysql_like.execute(
        "CREATE TABLE clean (email CHAR(30) PRIMARY KEY, n VARCHAR(9) DEFAULT 'x' COMMENT 'its NOT NULL once', "
        "at DATE, must INT NOT NULL COMMENT 'a, b; c', UNIQUE KEY theirs (n)) ENGINE=MyISAM"
    )
    message = refused(mysql_like)
    for problem in ("engine is MyISAM", "_dcp_id is missing", "_dcp_batch", "_dcp_record", "n is varchar(9)",
                    "at is date", "must is int"):  # fmt: skip
        assert problem in message
    assert "DROP" not in message
    assert "PRIMARY" not in message
    sink = mended(mysql_like)
    assert committed(mysql_like, sink, SPEC, [("a", 1, None)]).counts == Counts(1, 1, 0, 0)
    created = str(mysql_like.execute("SHOW CREATE TABLE clean")[0][1])
    assert "COMMENT 'a, b; c'" in created
    assert "COMMENT 'its NOT NULL once'" in created


def test_a_change_that_would_lose_what_stands_is_no_part_of_the_script(mysql_like: Database) -> None:
    mysql_like.execute("CREATE TABLE clean (email TEXT, n DOUBLE, at DATETIME)")
    assert "MODIFY COLUMN `n` BIGINT" in refused(mysql_like)
    mysql_like.execute("INSERT INTO clean (n) VALUES (1.5)")
    message = refused(mysql_like)
    assert "MODIFY" not in message
    assert "n is double, which would change a value of type integer; BIGINT is needed: give the field" in message


def test_a_value_that_is_no_number_stops_the_script_and_stays(mysql_like: Database) -> None:
    mysql_like.execute("CREATE TABLE clean (email TEXT, n VARCHAR(9), at DATETIME)")
    mysql_like.execute("INSERT INTO clean (n) VALUES ('one')")
    assert mysql_like.server
    statements = script_in(refused(mysql_like))
    with mysql_like.server.admin(str(mysql_like.engine.url.database)) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = ''")
        strict, alter = statements
        cursor.execute(strict)
        with pytest.raises(pymysql.err.Error, match=r"[Ii]ncorrect|[Tt]runcated"):
            cursor.execute(alter)
    assert [row[0] for row in mysql_like.execute("SELECT n FROM clean")] == ["one"]


@pytest.mark.parametrize("local_infile", [True, False], ids=["LOAD DATA", "INSERT"])
def test_a_key_of_theirs_on_what_identifies_a_record_makes_it_a_duplicate(
    database: Database, local_infile: bool
) -> None:
    database.execute("CREATE TABLE clean (n BIGINT PRIMARY KEY, email VARCHAR(100))")
    database.execute("INSERT INTO clean VALUES (1, 'theirs'), (3, 'theirs too')")
    mended(database, KEYED)
    sink = SinkWriter(database.connect(local_infile=local_infile), PIPELINE, "clean")
    sink.prepare(KEYED)
    first = committed(database, sink, KEYED, [(1, "a"), (2, "b"), (3, "c"), (4, "d")])
    assert first.counts == Counts(read=4, written=2, duplicates=2, rejected=0, filtered=0)
    again = committed(database, sink, KEYED, [(4, "x"), (3, "y"), (5, "e")], "http://feed/b.csv")
    assert again.counts == Counts(read=3, written=1, duplicates=2, rejected=0, filtered=0)
    assert database.execute("SELECT n, email FROM clean ORDER BY n") == [
        (1, "theirs"), (2, "b"), (3, "theirs too"), (4, "d"), (5, "e"),
    ]  # fmt: skip
    assert verify(database.engine, PIPELINE, "clean").findings == ()


@pytest.mark.parametrize("local_infile", [True, False], ids=["LOAD DATA", "INSERT"])
def test_what_another_key_or_rule_of_theirs_refuses_is_a_reject_in_the_databases_words(
    database: Database, local_infile: bool
) -> None:
    no_case = "COLLATE NOCASE" if database.kind == "sqlite" else "COLLATE utf8mb4_general_ci"
    charset = "" if database.kind == "sqlite" else "CHARACTER SET utf8mb4"
    database.execute(
        f"CREATE TABLE clean (email VARCHAR(100) {charset} {no_case} UNIQUE, n BIGINT UNIQUE, at DATETIME)"
    )
    database.execute("INSERT INTO clean VALUES ('Theirs@x', 7, NULL)")
    mended(database)
    sink = SinkWriter(database.connect(local_infile=local_infile), PIPELINE, "clean")
    sink.prepare(SPEC)
    rows = [("a@x", 1, None), ("theirs@x", 2, None), ("b@x", 7, None), ("c@x", 3, None)]
    outcome = committed(database, sink, SPEC, rows)
    # "theirs@x" is another record than "Theirs@x" by the spec, and their key has no room for both.
    assert outcome.counts == Counts(read=4, written=2, duplicates=0, rejected=2, filtered=0)
    reasons = {each.record: each.reason for each in Ledger(database.engine, PIPELINE).rejects()}
    assert set(reasons) == {2, 3}
    assert all("Duplicate entry" in each or "UNIQUE constraint failed" in each for each in reasons.values())
    assert verify(database.engine, PIPELINE, "clean").findings == ()


def test_checks_and_foreign_keys_of_theirs_refuse_single_records(database: Database) -> None:
    database.execute("CREATE TABLE other (id BIGINT PRIMARY KEY)")
    database.execute("INSERT INTO other VALUES (1), (2)")
    database.execute(
        "CREATE TABLE clean (email VARCHAR(100), n BIGINT, at DATETIME, twice BIGINT AS (n * 2), "
        "CONSTRAINT fk FOREIGN KEY (n) REFERENCES other (id), CONSTRAINT few CHECK (n < 2))"
    )
    sink = mended(database)
    outcome = committed(database, sink, SPEC, [("a", 1, None), ("b", 2, None), ("c", 3, None), ("d", None, None)])
    # The MySQL that can be had here, older than 8.0.16, forgets CHECKs.
    refused_by_check = 0 if database.kind == "mysql" else 1
    assert outcome.counts == Counts(4, 3 - refused_by_check, 0, 1 + refused_by_check, 0)
    assert verify(database.engine, PIPELINE, "clean").findings == ()


def test_workers_side_by_side_write_a_record_once_where_the_key_is_theirs(mysql_like: Database) -> None:
    mysql_like.execute("CREATE TABLE clean (n BIGINT PRIMARY KEY, email VARCHAR(100))")
    mended(mysql_like, KEYED)
    ledger = Ledger(mysql_like.engine, PIPELINE)
    rows = [(n, f"name {n}") for n in range(300)]
    counts: list[Counts] = []

    def work(number: int) -> None:
        engine = mysql_like.connect(local_infile=number % 2 == 0)
        sink = SinkWriter(engine, PIPELINE, "clean")
        sink.prepare(KEYED)
        source = Source(ledger, KEYED, f"http://feed/{number}.csv")
        batch = source.lines(*(f"line {n}" for n in range(len(rows))))
        case = CleanedCase(rows_of(KEYED, rows, [n for n, _ in rows]), read=len(rows))
        outcome = sink.commit(batch, case, worker=f"w{number}")
        assert outcome.counts
        counts.append(outcome.counts)
        engine.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(each.written for each in counts) == 300
    assert sum(each.duplicates for each in counts) == 900
    assert sum(each.rejected for each in counts) == 0


def test_the_row_number_of_sqlite_is_a_key_too(sqlite: Database) -> None:
    sqlite.execute("CREATE TABLE clean (n INTEGER PRIMARY KEY, email TEXT)")
    sqlite.execute("INSERT INTO clean VALUES (2, 'theirs')")
    sink = mended(sqlite, KEYED)
    assert committed(sqlite, sink, KEYED, [(1, "a"), (2, "b"), (0, "zero")]).counts == Counts(3, 2, 1, 0)
    assert sqlite.execute("SELECT n, email FROM clean ORDER BY n") == [(0, "zero"), (1, "a"), (2, "theirs")]


def test_a_trigger_on_insert_is_refused_where_it_could_leave_rows_out(sqlite: Database) -> None:
    sqlite.execute("CREATE TABLE clean (email TEXT, n BIGINT, at DATETIME)")
    sqlite.execute("CREATE TRIGGER later AFTER UPDATE ON clean BEGIN SELECT 'INSERT ON'; END")
    mended(sqlite)
    sqlite.execute("CREATE TRIGGER hides BEFORE INSERT ON clean WHEN NEW.n = 1 BEGIN SELECT RAISE(IGNORE); END")
    assert "trigger hides" in refused(sqlite)


@pytest.mark.parametrize("local_infile", [True, False], ids=["LOAD DATA", "INSERT"])
def test_years_and_sets_that_fit_come_back_as_they_are(mysql_like: Database, local_infile: bool) -> None:
    spec = cleaning(("n", "integer"), ("flags", "string", 100), unique=["n"])
    mysql_like.execute("CREATE TABLE clean (n YEAR, flags SET('x','it''s','z'))")
    mended(mysql_like, spec)
    sink = SinkWriter(mysql_like.connect(local_infile=local_infile), PIPELINE, "clean")
    limits = sink.prepare(spec)
    rows = [(1901, ""), (1970, "x,it's,z"), (2155, "it's"), (2024, "x,z"), (2025, None)]
    years, sets = limits["n"], limits["flags"].members or ()
    assert all((years.minimum or 0) <= year <= (years.maximum or 0) for year, _ in rows)
    assert all(text is None or text in sets for _, text in rows)
    assert committed(mysql_like, sink, spec, list(rows)).counts == Counts(5, 5, 0, 0)
    stored = mysql_like.execute("SELECT CAST(n AS SIGNED), CAST(flags AS CHAR) FROM clean ORDER BY _dcp_record")
    assert [tuple(each) for each in stored] == rows
