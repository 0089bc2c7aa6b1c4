"""`make compose-test`: the Compose file as it stands, on the engine that the cluster's tests start, with images of the tests' base.

Nothing but a feed is added to it. Valkey and MariaDB are Debian's, under the names and settings of the official images
(valkey/, mariadb/ beside this file), for no registry is reached here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster import engine, settings
from e2e.cluster.engine import Engine
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PATIENT = 600.0
"""Seconds: eight containers begin on two cores that others want too."""
SETTLED = {"read": 5, "written": 3, "duplicates": 1, "rejected": 1, "pending": 0}


class Composed:
    """A copy of packaging/compose, with a feed beside it."""

    def __init__(self, under: Engine, folder: Path) -> None:
        self.feed, self._folder = folder / "feed", folder / "packaging" / "compose"
        shutil.copytree(ROOT / "packaging" / "compose", self._folder, ignore=shutil.ignore_patterns("secrets"))
        shutil.copytree(ROOT / "monitoring", folder / "monitoring")
        self.feed.mkdir()
        feed = {"image": "dcp-e2e/feed:e2e", "volumes": [f"{self.feed}:/data:ro"], "init": True}
        (self._folder / "feed.yaml").write_text(yaml.safe_dump({"services": {"feed": feed}}))
        self._environment = {
            **os.environ,
            **under.env,
            "DCP_IMAGE": "dcp-e2e/dcp:e2e",
            "VALKEY_IMAGE": "dcp-e2e/compose-valkey",
            "MARIADB_IMAGE": "dcp-e2e/compose-mariadb",
            "FEED_URL": "http://feed:8000/",
        }
        subprocess.run([self._folder / "make-secrets"], check=True)

    def __call__(self, *words: str) -> str:
        """What docker compose prints."""
        program = [os.environ["COMPOSE"], "-p", "dcp-compose-test", "-f", "compose.yaml", "-f", "feed.yaml", *words]
        done = subprocess.run(
            program, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def dcp(self, *words: str) -> str:
        """What `dcp` prints in a container of its own."""
        return self("run", "--rm", "-T", "fetcher", *words)

    def put(self, name: str, *addresses: str) -> None:
        path = self.feed / name
        path.write_text("".join(f"{each}\n" for each in ("src_ip", *addresses)))
        path.chmod(0o644)

    def counts(self) -> dict[str, Any]:
        """Of the books; nothing before there are any."""
        try:
            found = json.loads(self.dcp("status", "/specs/feed.yaml", "-o", "json"))
        except AssertionError:
            return {}
        return {name: found[name] for name in SETTLED}


@pytest.fixture
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    under = engine.running(settings.read(os.environ))
    assert under is not None, "no engine runs: make cluster-up images"
    for name, base in (("valkey", "redis"), ("mariadb", "mariadb")):
        argument = f"{base.upper()}_IMAGE=dcp-e2e/{base}:e2e"
        words = ("build", "--network", "host", "--build-arg", argument, "-t", f"dcp-e2e/compose-{name}")
        under.docker(*words, Path(__file__).parent / name, within_seconds=PATIENT)
    made = Composed(under, tmp_path_factory.mktemp("composed"))
    try:
        yield made
    finally:
        made("down", "--volumes")


def test_rows_arrive_by_three_workers_and_outlive_the_containers(composed: Composed) -> None:
    composed.put("a.csv", "192.0.2.1", "192.0.2.2", "nonsense")
    composed("up", "-d", "--scale", "worker=3")
    assert len(composed("ps", "-q", "worker").split()) == 3
    wait_until(lambda: composed.counts().get("written") == 2, "rows of the first file", PATIENT, 1)
    assert composed("exec", "-T", "worker", "ls", "/run/secrets").split() == ["mariadb.password", "valkey.password"]
    composed("down")
    composed.put("b.csv", "192.0.2.2", "192.0.2.3")
    composed("up", "-d", "--scale", "worker=1")
    wait_until(lambda: composed.counts() == SETTLED, "the second file, beside what was there", PATIENT, 1)
    assert len(composed("ps", "-q", "worker").split()) == 1
    assert "the books balance" in composed.dcp("verify", "/specs/feed.yaml")
