"""`expect.unusual` on real databases: days are noted by several at once, kept small, and judged."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.days import Day, FieldDay
from dcp_pipeline.ledger.looking.unusual import KEPT_DAYS
from dcp_pipeline.spec.expectations.expect import Expect
from dcp_pipeline.spec.model import Cleaning, Field, FileSource, Source, Spec
from support.databases import Database
from support.dcp_process import dcp
from support.fleet import write_pipeline


def test_days_are_noted_kept_and_judged(database: Database) -> None:
    ledger = Ledger(database.engine, "feeds/a")
    ledger.prepare()
    spec = Spec(
        sources=(Source(name="s", file=FileSource(path="s")),),
        cleaning=Cleaning(fields=(Field(name="n"),), unique=("n",)),
        expect=Expect(unusual=True),
    )
    today = ledger.now().date()

    def note(days_ago: int, records: int, missing: int = 0, of: Ledger = ledger) -> None:
        hashes = b"".join(n.to_bytes(8, "little") for n in range(1, 5))
        seen = Day(records, {"n": FieldDay(records, missing, hashes, "polars 1")})
        of.note_days({("s", f"{today - timedelta(days=days_ago)}"): seen})

    for days_ago in range(KEPT_DAYS + 40, 1, -1):
        note(days_ago, 500, 5)
    note(3, 1, 0, Ledger(database.engine, "feeds/ab"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: note(1, 125, 1), range(4)))
    (verdict,) = ledger.expectations(spec)
    assert verdict.met, verdict.reason
    assert "as in the weeks before" in verdict.reason
    ((rows, largest),) = database.execute(
        "SELECT COUNT(*), MAX(LENGTH(value)) FROM dcp_meta WHERE name LIKE 'day/feeds/a/%'"
    )
    assert (rows <= KEPT_DAYS + 8, largest < 300) == (True, True)
    note(-400, 1)
    assert ledger.expectations(spec)[0] == verdict, "a worker whose clock is a year ahead forgets nothing"
    database.execute("DELETE FROM dcp_meta WHERE name = 'day/feeds/a/s/%s'" % (today + timedelta(days=400)))
    note(0, 7)
    assert ledger.expectations(spec)[0].met, "a day that is not over is not judged"
    note(1, 0, 490)
    assert "n is missing in" in ledger.expectations(spec)[0].reason
    assert ledger.sight(spec).expected == ledger.expectations(spec)
    assert [each.met for each in Ledger(database.engine, "feeds/ab").expectations(spec)] == [True]


def test_a_run_notes_what_it_brought(tmp_path: Path) -> None:
    spec = write_pipeline(tmp_path, "one", rows=30, more="  expect: {unusual: true}\n")
    for name in "abc":
        (tmp_path / "feed-one" / f"{name}.csv").write_text("n\n7\n8\nx\n")
    code, run = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert code == 0, run.err()
    assert run.answer()["expectations"][0]["reason"].startswith("0 days are known of source feed")
    with closing(sqlite3.connect(tmp_path / "one.db")) as connection:
        found = connection.execute("SELECT value FROM dcp_meta WHERE name LIKE 'day/%/feed/%'").fetchall()
    days = [msgspec.json.decode(text, type=Day) for (text,) in found]
    assert sum(day.records for day in days) == 39
    assert sum(day.fields["n"].rows for day in days) == 36
    assert {day.fields["n"].counted() for day in days} == {30}
