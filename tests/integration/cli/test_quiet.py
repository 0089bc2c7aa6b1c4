"""`dcp run --once -q`, as cron wants it: nothing where all is well, all of it where not."""

from __future__ import annotations

from pathlib import Path

from support.botnet_feed import HEADER
from support.dcp_process import dcp, served, write_spec

GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"


def test_a_quiet_run_says_nothing_where_all_is_well_and_all_of_it_where_not(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    with served(feed) as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-q")
        assert (code, process.out(), process.err()) == (0, "", "")
        spec.write_text(spec.read_text() + "  expect: {records: {min: 2, per: 1ms}}\n")
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-q")
    assert code == 1
    assert "NOT MET  records" in process.out()
