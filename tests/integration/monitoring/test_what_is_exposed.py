"""What a real process serves at /metrics has every metric that alerts and dashboards of pipelines ask for."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

from support.botnet_feed import HEADER
from support.dcp_process import DcpProcess, dcp, served, write_spec
from support.waiting import wait_until

ROOT = Path(__file__).parents[3]
GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"
ASKING = [
    ROOT / "monitoring" / name for name in ("rules/pipelines.yaml", "dashboards/fleet.json", "dashboards/pipeline.json")
]


def test_a_run_exposes_what_alerts_and_dashboards_ask_for(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    asked = {name for path in ASKING for name in re.findall(r"\b(?:dcp|process)_\w+", path.read_text())}
    assert len(asked) > 15
    with served(feed) as url:
        spec = write_spec(tmp_path / "feed.yaml", url)
        spec.write_text(spec.read_text() + "  expect: {newDataWithin: 1h}\n")
        code, process = dcp(tmp_path, "run", str(spec), "--once")  # so that the first look sees something
        assert code == 0, process.err()
        (feed / "b.csv").write_text(f"{HEADER}\n{GOOD.replace('Mirai', 'other')}\n")
        running = DcpProcess(tmp_path, "run", str(spec), "--health-port", "0")
        try:
            wait_until(lambda: "/metrics" in running.err(), "the opening line", 240)
            (address,) = set(re.findall(r"http://127\.0\.0\.1:\d+/metrics", running.err()))

            def missing() -> set[str]:
                with urllib.request.urlopen(address, timeout=60) as answer:
                    return asked - set(re.findall(r"^(\w+)[ {]", answer.read().decode(), re.M))

            wait_until(lambda: not missing(), f"all of {sorted(asked)}", 120, 0.5)
        finally:
            assert running.terminate(120) == 0, running.err()
