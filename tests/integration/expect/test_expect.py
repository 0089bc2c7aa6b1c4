"""`expect:` end to end: a run that is not as expected fails and says so; `dcp expect` and `dcp status` too."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.arrivals import arrivals
from support.botnet_feed import HEADER
from support.databases import Database
from support.dcp_process import dcp, served, write_spec

GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"


def test_a_feed_of_rejects_fails_the_run_and_is_told_by_all(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    bad = GOOD.replace("8.8.8.8", "8.8.8.888")
    (feed / "a.csv").write_text("\n".join([HEADER, GOOD, bad, bad]) + "\n")
    with served(feed) as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        spec.write_text(spec.read_text() + "  expect: {newDataWithin: 26h, maxRejected: 5%, records: {min: 1}}\n")
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert (code, process.answer()["balanced"]) == (1, True), process.err()
    code, process = dcp(tmp_path, "expect", str(spec), "-o", "json")
    told = {each["about"]: each["met"] for each in process.answer()["expectations"]}
    assert (code, told) == (1, {"newDataWithin/sinkhole": True, "records": True, "maxRejected": False})
    code, process = dcp(tmp_path, "status", str(spec))
    assert code == 1
    assert "NOT MET  maxRejected: more than 5% rejected in 1 objects: 66.7% of 3 in" in process.out()
    code, process = dcp(tmp_path, "expect", str(spec.parent / "none.yaml"))
    assert code == 2


def test_arrivals_are_of_this_pipeline_by_the_databases_clock(database: Database) -> None:
    ledger = Ledger(database.engine, "default/a")
    ledger.prepare()
    with database.engine.connect() as connection:
        none = arrivals(connection, "default/a", 60, 2)
    assert (none.first, none.last, none.records, none.before) == (None, {}, 0, (0, 0))
    moment = "'2026-10-01 00:00:00.000000'"
    now = f"'{ledger.now():%Y-%m-%d %H:%M:%S.%f}'"
    for n, (pipeline, source, at) in enumerate(
        [
            ("default/a", "one", moment),
            ("default/a", "one", now),
            ("default/a", "two", moment),
            ("default/b", "one", now),
        ]
    ):
        digest = f"{n:032x}"
        database.execute(
            "INSERT INTO dcp_objects (id, pipeline, source, uri, uri_digest, version, revision, state, header_end, "
            f"header_lines, created_at, updated_at) VALUES ('{digest}', '{pipeline}', '{source}', 'u', '{digest}', 'v', "
            f"'r', 'cut', 0, 0, {at}, {at})"
        )
        database.execute(
            "INSERT INTO dcp_batches (id, pipeline, object_id, kind, sequence, start, "
            f"`end`, records, first_record, first_line, digest, state, created_at) "
            f"VALUES ('{digest}', '{pipeline}', '{digest}', 'cut', 0, 0, 9, 10, 1, 1, '{digest}', 'cut', {at})"
        )
    with database.engine.connect() as connection:
        found = arrivals(connection, "default/a", 3600, 1)
        age = found.now - datetime(2026, 10, 1)
        earlier = arrivals(connection, "default/a", age.total_seconds() / 2.5, 3)
    assert (found.records, found.before) == (10, (0,))
    assert (earlier.records, earlier.before) == (10, (0, 20, 0))
    assert found.first is not None
    assert set(found.last) == {"one", "two"}
    assert found.now - found.last["one"] < timedelta(hours=1)
    assert found.last["two"] == found.first
