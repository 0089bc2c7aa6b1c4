"""What the operator reads from Redis, and what the pods report through it: against a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from dcp_operator.queues import QueueReader, Server
from dcp_pipeline.ledger.errors import SinkUnavailable
from dcp_pipeline.ledger.model import Books, ObjectBooks, ObjectState
from dcp_pipeline.observe.report import read_reports
from dcp_pipeline.observe.reporter import Reporter
from dcp_pipeline.queue import Job, Queue
from support.redis_server import RunningServer, redis_server

BOOKS = Books(
    objects=(
        ObjectBooks("o", "s", "u", ObjectState.CUT, None, 10, 5, 2, 1, 0, 0, 2, 3),
        ObjectBooks("p", "s", "v", ObjectState.CUT, None, 1, 1, 0, 0, 0, 0, 0, 1),
    )
)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> redis.Redis:
    return server.client()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[QueueReader]:
    reader = QueueReader(tmp_path, time.monotonic)
    yield reader
    reader.close()


def test_one_process_of_a_component_reports_per_period(client: redis.Redis) -> None:
    name = f"test.{uuid4().hex}"
    workers = [Reporter(client, name, "worker", lambda: BOOKS, period_seconds=60) for _ in range(3)]
    fetcher = Reporter(client, name, "fetcher", lambda: BOOKS, lambda: {"s": "HTTP 404"}, period_seconds=60)
    for each in (*workers, fetcher):
        assert each.run_once() == 60
    reports = read_reports(client, [name])[name]
    totals = reports["worker"].totals
    assert totals is not None
    assert (totals.read, totals.written, totals.rejected, totals.pending) == (11, 6, 1, 2)
    assert reports["fetcher"].sources == {"s": "HTTP 404"}
    assert reports["worker"].sink is None


def test_a_sink_that_is_away_is_reported_as_such(client: redis.Redis) -> None:
    def away() -> Books:
        raise SinkUnavailable("the database does not answer")

    name = f"test.{uuid4().hex}"
    Reporter(client, name, "fetcher", away).run_once()
    report = read_reports(client, [name])[name]["fetcher"]
    assert (report.totals, report.sink) == (None, "the database does not answer")


def test_a_report_is_forgotten_some_time_after_the_last(client: redis.Redis) -> None:
    name = f"test.{uuid4().hex}"
    Reporter(client, name, "fetcher", lambda: BOOKS).run_once()
    assert all(client.ttl(key) > 0 or client.pttl(key) > 0 for key in client.scan_iter(f"*{name}*"))


def test_a_report_of_another_release_is_left_out(client: redis.Redis) -> None:
    name = f"test.{uuid4().hex}"
    client.hset(f"{{{name}}}:report", "fetcher", b"\x00")
    assert read_reports(client, [name]) == {name: {}}


async def test_many_queues_are_read_at_once(server: RunningServer, client: redis.Redis, reader: QueueReader) -> None:
    names = [f"test.{uuid4().hex}" for _ in range(3)]
    Queue(client, names[0]).enqueue([Job(id="a", payload=b"1234"), Job(id="b", payload=b"5678")])
    seen = await reader.read(Server(server.url), names)
    stats = [seen[name].stats for name in names]
    assert [each.backlog if each else None for each in stats] == [2, 0, 0]


async def test_a_server_that_is_away_says_why_is_left_alone_for_a_while_and_comes_back(tmp_path: Path) -> None:
    seconds = 0.0
    with redis_server() as running:
        reader = QueueReader(tmp_path, lambda: seconds)
        running.kill()
        away = (await reader.read(Server(running.url), ["a"]))["a"]
        assert away.stats is None
        assert "ConnectionError" in (away.error or "")
        running.restart()
        assert (await reader.read(Server(running.url), ["a"]))["a"].stats is None, "not asked again at once"
        seconds = 60.0
        assert (await reader.read(Server(running.url), ["a"]))["a"].stats is not None
        reader.close()


async def test_a_url_that_is_none_is_an_answer_too(reader: QueueReader) -> None:
    seen = (await reader.read(Server("nonsense"), ["a"]))["a"]
    assert seen.stats is None
    assert "ValueError" in (seen.error or "")
