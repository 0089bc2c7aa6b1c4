"""A pipeline that runs while its Redis is another server from one moment to the next: Sentinels' failover, a Cluster's,
and a slot that moves. What was lost on the way is read again, and nothing is in the table twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dcp_pipeline.ledger import connect
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.oracle import Expected
from support.dcp_process import DcpProcess, write_spec
from support.redis_groups import cluster, sentinel_set
from support.redis_server import RunningServer
from support.waiting import wait_until

KEY = "{default.botnet}:meta"
PATIENT = 180
pytestmark = pytest.mark.timeout(900)
"""Seconds: the machine may be starved, and a failover takes what it takes."""


class Run:
    """`dcp run --once` over a queue in Redis."""

    def __init__(self, folder: Path, feed_url: str, redis: str) -> None:
        self.table = folder / "clean.db"
        self.sink = f"sqlite:///{self.table}"
        spec = write_spec(folder / "spec.yaml", feed_url, sink=self.sink, redis=redis, max_records=60)
        self.process = DcpProcess(folder, "run", str(spec), "--once", "-o", "json")

    def done(self) -> int:
        """Batches."""
        connection = sqlite3.connect(f"file:{self.table}?mode=ro", uri=True, timeout=30)
        try:
            return int(connection.execute("SELECT COUNT(*) FROM dcp_batches WHERE state = 'done'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0
        finally:
            connection.close()

    def wait_for(self, done: int) -> None:
        """Until so many batches are in the table."""

        def reached() -> bool:
            assert self.process.process.poll() is None, f"it ended: {self.process.err()[-3000:]}"
            return self.table.exists() and self.done() >= done

        wait_until(reached, f"{done} batches are in the table", PATIENT)

    def assert_equals(self, expected: Expected) -> None:
        """It ends, with balanced books and the oracle's table."""
        assert self.process.wait() == 0, self.process.err()[-5000:]
        assert_totals(self.process.answer(), expected)
        assert_equals_oracle(connect(self.sink), expected)


def lose_what_follows(replicas: list[RunningServer]) -> None:
    """From now on the replicas are told nothing, and one of them will be the primary."""
    for each in replicas:
        each.client().execute_command("REPLICAOF", "127.0.0.1", 1)


def test_a_primary_that_is_killed_with_its_last_writes_costs_nothing(
    feed: tuple[str, Expected], tmp_path: Path
) -> None:
    url, expected = feed
    with sentinel_set() as servers:
        run = Run(tmp_path, url, servers.url)
        run.wait_for(5)
        primary = servers.primary
        lose_what_follows([each for each in servers.servers if each is not primary])
        run.wait_for(run.done() + 10)
        servers.wait_for_another(servers.kill_primary())
        run.assert_equals(expected)
        assert servers.primary.client().hget(KEY, "pipeline") == b"default/botnet"


def test_a_master_that_is_killed_and_a_slot_that_moves_cost_nothing(feed: tuple[str, Expected], tmp_path: Path) -> None:
    url, expected = feed
    with cluster(replicas_of=KEY) as servers:
        run = Run(tmp_path, url, servers.url)
        run.wait_for(5)
        master = servers.owner(KEY)
        master.kill()
        promoted = servers.wait_for_another(KEY, master)
        other = next(each for each in servers.servers if each not in (master, promoted))
        servers.begin_move(KEY, other)
        servers.move_keys(KEY, other, most=5)
        wait_until(lambda: "moving the queue's slot" in run.process.err(), "the run waits for the slot", PATIENT)
        servers.move_keys(KEY, other)
        servers.end_move(KEY, other)
        run.assert_equals(expected)
        assert other.client().hget(KEY, "pipeline") == b"default/botnet"
