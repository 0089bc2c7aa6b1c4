"""Servers that go away, wiped queues and poison batches, seen from outside: whole processes on real servers."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcp_pipeline.ledger import connect
from dcp_pipeline.verify import verify
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.oracle import Expected, expect
from support import killing_worker
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES, DcpProcess, dcp, served, write_spec
from support.mariadb_server import MariaDBServer, mariadb_server
from support.redis_server import redis_server
from support.waiting import wait_until

RECORDS = 20_000


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Expected]]:
    folder = tmp_path_factory.mktemp("feed")
    paths = write_feed(folder, RECORDS, files=2, seed=99)
    with served(folder) as url:
        yield url, expect(paths, EXAMPLES / "country.mmdb")


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDBServer]:
    """One of this module's own: it is killed here."""
    with mariadb_server() as server:
        yield server


def count(server: MariaDBServer, database: str, state: str) -> int:
    tables = server.execute("SHOW TABLES LIKE 'dcp_batches'", database)
    return server.execute(f"SELECT COUNT(*) FROM dcp_batches WHERE state = '{state}'", database)[0][0] if tables else 0


def test_a_database_that_is_killed_in_the_middle_costs_nothing(
    feed: tuple[str, Expected], mariadb: MariaDBServer, tmp_path: Path
) -> None:
    url, expected = feed
    sink = mariadb.create_database("killed")
    spec = write_spec(tmp_path / "spec.yaml", url, sink=sink, max_records=200)
    process = DcpProcess(tmp_path, "run", str(spec), "--once", "-o", "json", env=secret_of(mariadb))
    wait_until(lambda: count(mariadb, "killed", "done") >= 5, "some batches are in the table")
    mariadb.kill()
    wait_until(lambda: "unreachable" in process.err() or "away" in process.err(), "the process has noticed")
    mariadb.start()
    assert process.wait() == 0, process.err()
    assert_totals(process.answer(), expected)
    assert_equals_oracle(connect(sink, password=mariadb.password), expected)


def test_a_redis_that_comes_back_empty_costs_nothing(
    feed: tuple[str, Expected], mariadb: MariaDBServer, tmp_path: Path
) -> None:
    url, expected = feed
    sink = mariadb.create_database("wiped")
    with redis_server() as queue:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=sink, redis=queue.url, max_records=200)
        process = DcpProcess(tmp_path, "run", str(spec), "--once", "-o", "json", env=secret_of(mariadb))
        wait_until(lambda: count(mariadb, "wiped", "done") >= 5, "some batches are in the table")
        queue.kill()
        queue.start()
        assert process.wait() == 0, process.err()
    assert_totals(process.answer(), expected)
    assert_equals_oracle(connect(sink, password=mariadb.password), expected)


def test_a_queue_that_is_flushed_before_any_worker_came_is_filled_again(
    feed: tuple[str, Expected], mariadb: MariaDBServer, tmp_path: Path
) -> None:
    url, expected = feed
    sink = mariadb.create_database("flushed")
    with redis_server() as queue:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=sink, redis=queue.url, max_records=1000)
        for _ in range(2):
            code, fetcher = dcp(tmp_path, "fetcher", str(spec), "--once", "--health-port", "0", env=secret_of(mariadb))
            assert code == 0, fetcher.err()
            assert queue.client().zcard("{default.botnet}:ready") == count(mariadb, "flushed", "cut") > 0
            queue.client().flushall()
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json", env=secret_of(mariadb))
    assert code == 0, process.err()
    assert_totals(process.answer(), expected)
    assert_equals_oracle(connect(sink, password=mariadb.password), expected)


def test_a_batch_that_kills_its_workers_is_dead_and_the_rest_goes_on(
    feed: tuple[str, Expected], mariadb: MariaDBServer, tmp_path: Path
) -> None:
    url, expected = feed
    sink = mariadb.create_database("poison")
    with redis_server() as queue:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=sink, redis=queue.url, concurrency=2, max_records=1000)
        text = spec.read_text().replace("{redis:", "{lease: 1s, redis:").replace("maxAttempts: 3", "maxCrashes: 2")
        spec.write_text(text)
        env = secret_of(mariadb)
        code, fetcher = dcp(tmp_path, "fetcher", str(spec), "--once", "--health-port", "0", env=env)
        assert code == 0, fetcher.err()
        (poison, records), *_ = mariadb.execute("SELECT id, records FROM dcp_batches LIMIT 1 OFFSET 3", "poison")
        program = [sys.executable, killing_worker.__file__]
        for _ in range(2):
            worker = DcpProcess(tmp_path, str(spec), poison, env=env, program=program)
            assert worker.wait() == -signal.SIGKILL, worker.err()
        survivor = DcpProcess(tmp_path, str(spec), poison, env=env, program=program)
        wait_until(lambda: count(mariadb, "poison", "cut") == 0, "everything is settled or dead", within_seconds=60)
        assert survivor.terminate() == 0
        code, dead = dcp(tmp_path, "dead", "ls", str(spec), "-o", "json", env=env)
        (letter,) = dead.answer()["dead"]
        assert (letter["batch"], letter["records"]) == (poison, records)
        code, shown = dcp(tmp_path, "dead", "show", str(spec), poison, env=env)
        assert shown.out_path.read_bytes().count(b"2026-") > 900
        code, verification = dcp(tmp_path, "verify", str(spec), "-o", "json", env=env)
        assert (code, verification.answer()["dead"]) == (1, records)
        code, requeued = dcp(tmp_path, "dead", "requeue", str(spec), "--all", "-o", "json", env=env)
        assert code == 0, requeued.err()
        assert requeued.answer() == {"revived": 1, "queued": 1, "read_again": 0}
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
    assert code == 0, process.err()
    assert_totals(process.answer(), expected)
    engine = connect(sink, password=mariadb.password)
    assert_equals_oracle(engine, expected)
    assert verify(engine, "default/botnet", "botnet").findings == ()


def test_a_worker_that_is_asked_to_stop_finishes_its_batch_and_loses_nothing(
    feed: tuple[str, Expected], mariadb: MariaDBServer, tmp_path: Path
) -> None:
    url, expected = feed
    sink = mariadb.create_database("stopped")
    with redis_server() as queue:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=sink, redis=queue.url, max_records=100)
        env = secret_of(mariadb)
        code, fetcher = dcp(tmp_path, "fetcher", str(spec), "--once", "--health-port", "0", env=env)
        assert code == 0, fetcher.err()
        worker = DcpProcess(tmp_path, "worker", str(spec), "--health-port", "0", env=env)
        wait_until(lambda: count(mariadb, "stopped", "done") >= 3, "it works")
        assert worker.terminate() == 0
        stats = queue.client()
        assert stats.zcard("{default.botnet}:inflight") == 0
        assert stats.zcard("{default.botnet}:ready") == count(mariadb, "stopped", "cut") > 0
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
    assert code == 0, process.err()
    assert_totals(process.answer(), expected)
    assert_equals_oracle(connect(sink, password=mariadb.password), expected)


def secret_of(server: MariaDBServer) -> dict[str, str]:
    return {"DCP_SECRET_SINK_PASSWORD": server.password}
