"""The worker's transaction, on SQLite and on a real MariaDB."""

from __future__ import annotations

from datetime import date, datetime, time
from random import Random

import pytest
from msgspec.structs import replace

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.claims import settled_counts
from dcp_pipeline.ledger.model import Counts, RejectFilter
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.verify import verify
from dcp_worker.sink import CommitKind, CountMismatch, SinkWriter
from support.databases import Database
from support.sink_cases import NAMED, PIPELINE, CleanedCase, Source, cleaning, reject, rows_of

EVERY_TYPE = cleaning(
    ("s", "string"), ("short", "string", 20), ("i", "integer"), ("f", "number"), ("b", "boolean"), ("d", "date"),
    ("t", "time"), ("dt", "datetime"), ("ip", "ip"), unique=["s"],
)  # fmt: skip


def case(rows: list[tuple[str, int]], **counts: int) -> CleanedCase:
    return CleanedCase(rows_of(NAMED, rows), read=counts.pop("read", len(rows)), **counts)


def assert_balanced(database: Database) -> None:
    assert verify(database.engine, PIPELINE, "clean").findings == ()
    assert Ledger(database.engine, PIPELINE).books().balanced


def test_rows_rejects_and_counts_are_committed_together(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    batch = Source(ledger, NAMED).lines("a,1", "b,2", "a,3", "c,x", "d,4")
    cleaned = CleanedCase(rows_of(NAMED, [("a", 1), ("b", 2)]), (reject(4, b"c,x"),), read=5, duplicates=1, filtered=1)
    phases: list[Phase] = []
    outcome = sink.commit(batch, cleaned, worker="w1", observer=lambda phase, _: phases.append(phase))
    assert outcome.kind is CommitKind.COMMITTED
    assert outcome.counts == Counts(read=5, written=2, duplicates=1, rejected=1, filtered=1)
    assert phases == [Phase.INSERTED, Phase.COMMITTED]
    assert sorted(database.execute("SELECT name, n FROM clean")) == [("a", 1), ("b", 2)]
    [kept] = ledger.rejects()
    assert (kept.record, kept.raw, kept.code, kept.field, kept.uri) == (4, b"c,x", "type-error", "n", batch.uri)
    with database.engine.connect() as connection:
        assert settled_counts(connection, batch.id) == outcome.counts
    assert ledger.rows_written_since(300) == 2
    assert_balanced(database)


def test_a_batch_delivered_twice_counts_once(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    batch = Source(ledger, NAMED).lines("a,1", "b,2")
    first = sink.commit(batch, case([("a", 1), ("b", 2)]), worker="w1")
    second = sink.commit(batch, case([("a", 1), ("b", 2)]), worker="w2")
    assert (second.kind, second.counts) == (CommitKind.ALREADY_DONE, first.counts)
    assert len(database.execute("SELECT * FROM clean")) == 2
    assert_balanced(database)


def test_a_record_that_stands_in_the_table_is_a_duplicate(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    source = Source(ledger, NAMED)
    first, second = source.lines("a,1", "b,2"), source.lines("b,2", "c,3")
    sink.commit(first, CleanedCase(rows_of(NAMED, [("a", 1), ("b", 2)]), read=2), worker="w")
    outcome = sink.commit(second, CleanedCase(rows_of(NAMED, [("b", 2), ("c", 3)], first=3), read=2), worker="w")
    assert outcome.counts == Counts(read=2, written=1, duplicates=1, rejected=0)
    assert_balanced(database)


def test_a_file_that_is_read_again_is_all_duplicates(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    source = Source(ledger, NAMED)
    rows = [(f"name {n}", n) for n in range(100)]
    for reading in range(3):
        batch = source.lines(*(f"{n}" for n in range(100)))
        more = [*rows[:-1], (f"new {reading}", 0)]
        cleaned = CleanedCase(rows_of(NAMED, more, first=batch.first_record), read=100)
        outcome = sink.commit(batch, cleaned, worker="w")
        written = 1 if reading else 100
        assert outcome.counts == Counts(100, written, 100 - written, 0)
    assert_balanced(database)


def test_a_dead_batch_and_an_unknown_one_write_nothing(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    source = Source(ledger, NAMED)
    dead, known = source.lines("a,1"), source.lines("b,2")
    assert ledger.mark_dead(dead.id, "poison", 3)
    assert sink.commit(dead, case([("a", 1)]), worker="w").kind is CommitKind.DEAD
    other = SinkWriter(database.engine, "default/other", "clean")
    other.prepare(NAMED)
    assert other.commit(known, case([("b", 2)]), worker="w").kind is CommitKind.UNKNOWN_BATCH
    assert database.execute("SELECT * FROM clean") == []
    assert ledger.revive([dead.id]) == 1
    assert sink.commit(dead, case([("a", 1)]), worker="w").kind is CommitKind.COMMITTED


def test_counts_that_differ_from_the_fetchers_write_nothing(
    database: Database, ledger: Ledger, sink: SinkWriter
) -> None:
    batch = Source(ledger, NAMED).lines("a,1", "b,2")
    with pytest.raises(CountMismatch, match="the fetcher counted 2 records, the worker 1"):
        sink.commit(batch, case([("a", 1)]), worker="w")
    with pytest.raises(CountMismatch, match="of 2 records 1 are accounted for"):
        sink.commit(batch, case([("a", 1)], read=2), worker="w")
    assert ledger.pending_batches() == 1


def test_an_error_after_the_rows_leaves_nothing_behind(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    batch = Source(ledger, NAMED).lines("a,1", "b,x")
    cleaned = CleanedCase(rows_of(NAMED, [("a", 1)]), (reject(2),), read=2)

    def fail(phase: Phase, _: str) -> None:
        raise RuntimeError("killed here")

    with pytest.raises(RuntimeError):
        sink.commit(batch, cleaned, worker="w", observer=fail)
    assert database.execute("SELECT * FROM clean") == []
    assert database.execute("SELECT * FROM dcp_rejects") == []
    assert ledger.pending_batches() == 1
    assert sink.commit(batch, cleaned, worker="w").kind is CommitKind.COMMITTED
    assert_balanced(database)


def test_a_batch_of_rejects_only_has_no_rows(database: Database, ledger: Ledger, sink: SinkWriter) -> None:
    batch = Source(ledger, NAMED).lines("x", "y")
    cleaned = CleanedCase(rows_of(NAMED, []), (reject(1), reject(2)), read=2)
    assert sink.commit(batch, cleaned, worker="w").counts == Counts(2, 0, 0, 2)
    assert ledger.books().rejected_by_code == (("type-error", 2),)
    assert ledger.count_rejects(RejectFilter(code="type-error")) == 2
    assert_balanced(database)


def test_an_objects_rejects_keep_bytes_up_to_their_cap_and_are_all_counted(database: Database, ledger: Ledger) -> None:
    sink = SinkWriter(database.engine, PIPELINE, "clean", kept_bytes_per_object=100)
    sink.prepare(NAMED)
    source = Source(ledger, NAMED)
    for first in (1, 3):
        batch = source.lines("x", "y")
        cleaned = CleanedCase(
            rows_of(NAMED, []), (reject(first, b"\x00\xff" * 20), reject(first + 1, b"z" * 40)), read=2
        )
        sink.commit(batch, cleaned, worker="w")
    kept = list(ledger.rejects())
    assert [each.raw for each in kept] == [b"\x00\xff" * 20, b"z" * 40, None, None]
    assert [each.complete for each in kept] == [True, True, False, False]
    assert [each.raw_bytes for each in kept] == [40] * 4
    assert_balanced(database)


def test_rejects_come_back_as_they_were_however_many_bytes(
    database: Database, ledger: Ledger, sink: SinkWriter
) -> None:
    sent = [
        replace(reject(number, bytes(range(256)) * 200), reason=f"{text} is no number", field=None)
        for number, text in enumerate(HARD, 1)
    ]
    batch = Source(ledger, NAMED).lines(*("x" for _ in sent))
    sink.commit(batch, CleanedCase(rows_of(NAMED, []), tuple(sent), read=len(sent)), worker="w")
    kept = list(ledger.rejects())
    assert [(each.record, each.reason, each.raw, each.field) for each in kept] == [
        (each.record, each.reason, each.raw, None) for each in sent
    ]
    assert_balanced(database)


HARD = [
    "", "NULL", "null", "\\N", "\\", "\\\\", "a\\", "'", '"', '""', '","', '",\n"', "a,b", "tab\there", "line\nbreak",
    "cr\rhere", "crlf\r\n", "  blanks  ", "emoji 😀 ünï 漢字", "%s %(x)s", ":name ?", "\u200b", "\x1a", "0x41", "-- x", "\x7f",
]  # fmt: skip


@pytest.mark.parametrize("local_infile", [True, False])
def test_values_come_back_as_they_were_sent(database: Database, ledger: Ledger, local_infile: bool) -> None:
    engine = database.connect(local_infile=local_infile) if database.kind != "sqlite" else database.engine
    sink = SinkWriter(engine, PIPELINE, "clean")
    sink.prepare(EVERY_TYPE)
    extremes = [
        ("x", "y", 2**63 - 1, 1e308, True, date(9999, 12, 31), time(23, 59, 59, 999999), datetime(9999, 12, 31, 23, 59, 59, 999999), "::1"),
        ("z", "z", -(2**63), 5e-324, False, date(1000, 1, 1), time(0), datetime(1000, 1, 1), "255.255.255.255"),
        ("f", None, 0, 0.1, None, None, None, datetime(2024, 2, 29, 1, 2, 3, 4), None),
        ("g", None, None, -1.5e-7, None, None, None, None, None),
    ]  # fmt: skip
    rows = [*extremes, *((text, text[:20], *[None] * 7) for text in HARD)]
    batch = Source(ledger, EVERY_TYPE).lines(*("x" for _ in rows))
    outcome = sink.commit(batch, CleanedCase(rows_of(EVERY_TYPE, rows), read=len(rows)), worker="w")
    assert outcome.counts == Counts(len(rows), len(rows), 0, 0)
    found = {row[0]: row[1:] for row in stored(database)}
    assert found == {row[0]: tuple(row[1:]) for row in rows}
    if database.kind != "sqlite":
        assert sink.table.local_infile is local_infile
    assert_balanced(database)


@pytest.mark.parametrize("local_infile", [True, False])
def test_any_text_comes_back_as_it_was_sent(database: Database, ledger: Ledger, local_infile: bool) -> None:
    engine = database.connect(local_infile=local_infile) if database.kind != "sqlite" else database.engine
    spec = cleaning(("a", "string"), ("b", "string"), ("n", "integer"), unique=["n"])
    sink = SinkWriter(engine, PIPELINE, "clean")
    sink.prepare(spec)
    random = Random(7)
    letters = ['"', "'", ",", "\n", "\r", "\t", "\\", "N", "U", "L", "(", ")", " ", "0", "漢", "😀"]

    def text() -> str | None:
        return None if random.random() < 0.1 else "".join(random.choices(letters, k=random.randrange(7)))

    rows = [(text(), text(), n) for n in range(3000)]
    batch = Source(ledger, spec).lines(*("x" for _ in rows))
    assert sink.commit(batch, CleanedCase(rows_of(spec, rows), read=3000), worker="w").counts == Counts(
        3000, 3000, 0, 0
    )
    assert sorted(database.execute("SELECT a, b, n FROM clean"), key=lambda row: row[2]) == rows


def stored(database: Database) -> list[tuple[object, ...]]:
    """The rows, with SQLite's texts and MySQL's times as Python has them."""
    result = []
    for s, short, i, f, b, d, t, dt, ip in database.execute("SELECT s, short, i, f, b, d, t, dt, ip FROM clean"):
        if database.kind == "sqlite":
            d, dt = (d and date.fromisoformat(d)), (dt and datetime.fromisoformat(dt))
            t = t and time.fromisoformat(t)
        elif t is not None:
            t = (datetime.min + t).time()
        result.append((s, short, i, f, None if b is None else bool(b), d, t, dt, ip))
    return result
