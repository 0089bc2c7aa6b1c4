"""`dcp run --log-file`: all into the file, each batch's way with LOG_LEVEL=debug."""

from __future__ import annotations

import json
from pathlib import Path

from support.botnet_feed import HEADER
from support.dcp_process import dcp, served, write_spec

GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"


def test_debug_says_what_happened_to_each_batch(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "a.csv").write_text(f"{HEADER}\n{GOOD}\n{GOOD}\n")
    with served(feed) as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        code, process = dcp(
            tmp_path, "run", str(spec), "--once", "--log-file", "dcp.log",
            env={"LOG_LEVEL": "debug", "LOG_FORMAT": "json"},
        )  # fmt: skip
    lines = [json.loads(each) for each in (tmp_path / "dcp.log").read_text().splitlines()]
    phases = [each["message"] for each in lines if each["message"].startswith("batch ")]
    assert code == 0, process.err()
    known = ("cut", "enqueued", "claimed", "cleaned", "inserted", "committed", "settled")
    assert {f"batch {each}" for each in known} <= set(phases)
    (settled,) = [each for each in lines if each["message"] == "batch settled"]
    assert (settled["read"], settled["written"], settled["duplicates"]) == (2, 1, 1)
    assert "batch" not in process.err()
