"""Whole runs, as users start them, give exactly what the independent oracle expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcp_pipeline.ledger import connect
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.conftest import Feed
from oracle.oracle import expect
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES, DcpProcess, dcp, served, write_spec
from support.mariadb_server import shared_mariadb
from support.redis_server import redis_server
from support.waiting import wait_until

MILLION = 1_000_000


def sink_of(kind: str, folder: Path) -> tuple[str, dict[str, str], str | None]:
    """(URL, environment with the password, password)."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/clean.db", {}, None
    server = shared_mariadb()
    return server.create_database("oracle"), {"DCP_SECRET_SINK_PASSWORD": server.password}, server.password


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_dcp_run_gives_what_the_oracle_expects(feed: Feed, tmp_path: Path, kind: str, workers: int) -> None:
    url, env, password = sink_of(kind, tmp_path)
    spec = write_spec(tmp_path / "spec.yaml", feed.url, sink=url, concurrency=workers, max_records=2_000)
    code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
    assert code == 0, process.err()
    assert_totals(process.answer(), feed.expected)
    assert_equals_oracle(connect(url, password=password), feed.expected)
    code, verification = dcp(tmp_path, "verify", str(spec), "-o", "json", env=env)
    assert (code, verification.answer()["balanced"]) == (0, True)


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_separate_processes_give_what_the_oracle_expects(feed: Feed, tmp_path: Path, kind: str, workers: int) -> None:
    url, env, password = sink_of(kind, tmp_path)
    with redis_server() as server:
        spec = write_spec(
            tmp_path / "spec.yaml", feed.url, sink=url, redis=server.url, concurrency=1, max_records=2_000
        )
        running = [
            DcpProcess(tmp_path / f"worker-{n}", "worker", str(spec), "--health-port", "0", env=env)
            for n in range(workers)
        ]
        try:
            code, fetcher = dcp(tmp_path, "fetcher", str(spec), "--once", "--health-port", "0", env=env)
            assert code == 0, fetcher.err()
            engine = connect(url, password=password)
            wait_until(lambda: _pending(engine) == 0, "every batch is settled", within_seconds=120)
        finally:
            codes = [each.terminate() for each in running]
        assert codes == [0] * workers
        assert_equals_oracle(engine, feed.expected)
        code, status = dcp(tmp_path, "status", str(spec), "-o", "json", env=env)
        assert code == 0, status.err()
        assert_totals(status.answer(), feed.expected)
        assert status.answer()["balanced"]
        assert status.answer()["queue"]["ready"] == status.answer()["queue"]["inflight"] == 0


def _pending(engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT COUNT(*) FROM dcp_batches WHERE state = 'cut'").scalar_one())


@pytest.mark.timeout(1500)
def test_a_million_records_give_what_the_oracle_expects(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    paths = write_feed(folder, MILLION, files=4, seed=1)
    expected = expect(paths, EXAMPLES / "country.mmdb")
    url, env, password = sink_of("mariadb", tmp_path)
    with served(folder) as feed_url:
        spec = write_spec(tmp_path / "spec.yaml", feed_url, sink=url)
        process = DcpProcess(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
        code = process.wait(timeout_seconds=1200)
    assert code == 0, process.err()
    answer = process.answer()
    print(f"a million records: {answer['elapsed_seconds']} s, {answer['records_per_second']} records/s")
    assert_totals(answer, expected)
    assert_equals_oracle(connect(url, password=password), expected)


def test_a_second_run_reads_nothing_again(feed: Feed, tmp_path: Path) -> None:
    spec = write_spec(tmp_path / "spec.yaml", feed.url, sink=f"sqlite:///{tmp_path}/clean.db")
    for expected_read in (feed.expected.read, 0):
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
        assert code == 0, process.err()
        assert process.answer()["this_run"]["read"] == expected_read
        assert_totals(process.answer(), feed.expected)
