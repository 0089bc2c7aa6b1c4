"""`expect.whenRejected: hold` from end to end: what is held is told by all, released or dropped by a person."""

from __future__ import annotations

from pathlib import Path

from dcp_pipeline.connect import open_engine, open_queue, open_redis
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.setup import load_setup
from dcp_worker.chores import Undertaker
from support.dcp_process import dcp
from support.fleet import write_pipeline
from support.redis_server import valkey_server

HOLD = "  expect: {maxRejected: 10%, whenRejected: hold}\n  notify: [{webhook: {url: 'http://127.0.0.1:9/'}}]\n"


def test_a_held_object_is_told_released_and_dropped(tmp_path: Path) -> None:
    spec = write_pipeline(tmp_path, "one", rows=30, more=HOLD)
    bad = {"half": [*range(100, 120), *["x"] * 20], "worse": [*range(200, 205), *["x"] * 30]}
    for name, lines in bad.items():
        (tmp_path / "feed-one" / f"{name}.csv").write_text("n\n" + "".join(f"{each}\n" for each in lines))
    code, run = dcp(tmp_path, "run", str(spec), "--once")
    assert code == 1, run.err()
    assert "NOT balanced (75 records held: dcp objects ls --state held)" in run.out()
    assert "NOT MET  maxRejected: 2 objects are held, 75 records wait" in run.out()
    code, status = dcp(tmp_path, "status", str(spec))
    assert code == 1
    assert status.out().count("WRONG    held: file://") == 2
    assert "records are dead" not in status.out()
    code, listed = dcp(tmp_path, "objects", "ls", str(spec), "--state", "held", "-o", "json")
    found = {each["uri"].rpartition("/")[2]: each for each in listed.answer()["objects"]}
    assert {name: each["records"] for name, each in found.items()} == {"half.csv": 40, "worse.csv": 35}
    assert dcp(tmp_path, "verify", str(spec))[0] == 1
    assert dcp(tmp_path, "run", str(spec), "--once")[0] == 1, "it waits, however often it is run"

    code, dropped = dcp(tmp_path, "objects", "drop", str(spec), found["worse.csv"]["id"][:8])
    assert code == 0, dropped.err()
    code, released = dcp(tmp_path, "objects", "release", str(spec), found["half.csv"]["id"][:8])
    assert code == 0, released.err()
    assert "1 objects released, 1 batches: 0 in the queue" in released.out(), "the queue of the run is gone"
    assert dcp(tmp_path, "objects", "release", str(spec), found["half.csv"]["id"][:8])[0] == 1
    code, run = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    answer = run.answer()
    assert code == 0, run.err()
    assert {name: answer[name] for name in ("read", "written", "rejected", "filtered", "dead")} == {
        "read": 105, "written": 50, "rejected": 20, "filtered": 35, "dead": 0,
    }  # fmt: skip
    assert dcp(tmp_path, "verify", str(spec))[0] == 0


def test_a_worker_that_is_killed_before_the_ledger_knows_leaves_the_batch_held(tmp_path: Path) -> None:
    with valkey_server() as server:
        spec = write_pipeline(tmp_path, "one", rows=30, more=HOLD + f"  queue: {{redis: {{url: '{server.url}'}}}}\n")
        (tmp_path / "feed-one" / "first.csv").write_text("n\n" + "x\n" * 15 + "1\n" * 15)
        assert dcp(tmp_path, "fetcher", str(spec), "--once", "--health-port", "0")[0] == 0
        setup = load_setup(spec, {})
        ledger = Ledger(open_engine(setup, pool_size=1), setup.pipeline.key)
        client = open_redis(setup, None)
        queue = open_queue(setup, client)
        (lease,) = queue.exchange("killed", [], 1).leases
        assert queue.bury(lease, "held: 50.0% of the first 30 records rejected; at most 10% is expected")
        assert ledger.totals().pending == 30
        Undertaker(queue, ledger).run_once()
        assert [(each.records, each.reason[:5]) for each in ledger.held()] == [(30, "50.0%")]

        code, released = dcp(tmp_path, "objects", "release", str(spec), "--all", "-o", "json")
        assert (code, released.answer()) == (0, {"released": 1, "batches": 1, "queued": 1}), released.err()
        code, run = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
        assert (code, run.answer()["written"], run.answer()["rejected"]) == (0, 1, 15), run.err()
        client.close()
        ledger.engine.dispose()
