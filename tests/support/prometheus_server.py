"""A real Prometheus (`make dashboards` builds it), which looks at some ports of this machine every second."""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from support.mariadb_server import free_port
from support.waiting import wait_until

PROGRAM = Path(__file__).parents[2] / "build/tools/prometheus"


class Prometheus:
    """It answers at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.since = time.time()

    def ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def healthy(self) -> int:
        """How many of its targets answered last."""
        found = self._asked("targets", {"state": "active"})["activeTargets"]
        return sum(each["health"] == "up" for each in found)

    def over_time(self, query: str) -> list[dict[str, Any]]:
        """The series that a query has had since this server began, those of numbers only."""
        asked = {"query": query, "start": f"{self.since}", "end": f"{time.time()}", "step": "1"}
        series = self._asked("query_range", asked)["result"]
        return [each for each in series if any(not math.isnan(float(value)) for _, value in each["values"])]

    def rules(self) -> list[dict[str, Any]]:
        """All rules, with what came of their last evaluation."""
        return [rule for group in self._asked("rules", {})["groups"] for rule in group["rules"]]

    def _asked(self, what: str, values: dict[str, str]) -> Any:
        with urlopen(f"{self.url}/api/v1/{what}?{urlencode(values)}", timeout=30) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(folder: Path, ports: Sequence[int], rules: Sequence[Path] = ()) -> Iterator[Prometheus]:
    """Scrapes these ports, and evaluates these rules every second."""
    if not PROGRAM.exists():
        pytest.fail(f"no {PROGRAM}: make dashboards builds it")
    folder.mkdir(parents=True)
    port = free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(each) for each in rules],
        "scrape_configs": [{"job_name": "dcp", "static_configs": [{"targets": [f"127.0.0.1:{each}" for each in ports]}]}],
    }  # fmt: skip
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [str(PROGRAM), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, cwd=folder
        )
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        wait_until(server.ready, "Prometheus", 120, 0.1)
        yield server
    finally:
        process.terminate()
        process.wait(30)
