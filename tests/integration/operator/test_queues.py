"""What the operator reads from Redis, and what the pods report through it: against a real server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import redis

from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server
from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.ledger.model import Books, ObjectBooks, ObjectState
from dcp_pipeline.observe.report import report_key, reports_of
from dcp_pipeline.observe.reporter import Reporter
from dcp_pipeline.observe.scaling_note import ScalingNote, read_note
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
async def reader() -> AsyncIterator[QueueReader]:
    reader = QueueReader(Reach(("127.0.0.1",)))
    yield reader
    reader.close()


def test_one_process_of_a_component_reports_per_period(client: redis.Redis) -> None:
    name = f"test.{uuid4().hex}"
    workers = [Reporter(client, name, "worker", lambda: BOOKS, period_seconds=60) for _ in range(3)]
    fetcher = Reporter(client, name, "fetcher", lambda: BOOKS, lambda: {"s": "HTTP 404"}, period_seconds=60)
    for each in (*workers, fetcher):
        assert each.run_once() == 60
    reports = reports_of(client.hgetall(report_key(name)))
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
    report = reports_of(client.hgetall(report_key(name)))["fetcher"]
    assert (report.totals, report.sink) == (None, "the database does not answer")


def test_a_report_is_forgotten_some_time_after_the_last(client: redis.Redis) -> None:
    name = f"test.{uuid4().hex}"
    Reporter(client, name, "fetcher", lambda: BOOKS).run_once()
    assert all(client.ttl(key) > 0 or client.pttl(key) > 0 for key in client.scan_iter(f"*{name}*"))


def test_a_report_of_another_release_is_left_out(client: redis.Redis) -> None:
    name = f"test.{uuid4().hex}"
    client.hset(f"{{{name}}}:report", "fetcher", b"\x00")
    assert reports_of(client.hgetall(report_key(name))) == {}


async def test_many_queues_are_read_at_once(server: RunningServer, client: redis.Redis, reader: QueueReader) -> None:
    names = [f"test.{uuid4().hex}" for _ in range(3)]
    Queue(client, names[0]).enqueue([Job(id="a", payload=b"1234"), Job(id="b", payload=b"5678")])
    seen = await reader.read(Server(server.url), names)
    stats = [seen[name].stats for name in names]
    assert [each.backlog if each else None for each in stats] == [2, 0, 0]


async def test_a_thousand_queues_are_read_by_one_client_in_one_call(
    server: RunningServer, client: redis.Redis, reader: QueueReader
) -> None:
    names = [f"test.{uuid4().hex}" for _ in range(1000)]
    for name in names[:3]:
        Queue(client, name).enqueue([Job(id="a", payload=b"1234")])
    await reader.read(Server(server.url), names[:1])
    before = client.info("stats")["total_connections_received"]
    begun = time.perf_counter()
    seen = await reader.read(Server(server.url), names)
    print(f"1,000 queues read in {time.perf_counter() - begun:.3f} s")
    assert [name for name in names if seen[name].stats and seen[name].stats.backlog] == names[:3]
    assert client.info("stats")["total_connections_received"] == before


async def test_a_server_that_is_away_says_why_and_is_read_again_as_soon_as_it_is_back(reader: QueueReader) -> None:
    with redis_server() as running:
        server = Server(running.url)
        assert (await reader.read(server, ["a"]))["a"].stats is not None
        running.kill()
        away = [(await reader.read(server, ["a"]))["a"] for _ in range(3)]
        assert [each.stats for each in away] == [None] * 3
        assert "refused" in (away[-1].error or "")
        running.restart()
        assert (await reader.read(server, ["a"]))["a"].stats is not None


async def test_a_queue_whose_keys_are_of_another_type_does_not_hide_the_others(
    server: RunningServer, client: redis.Redis, reader: QueueReader
) -> None:
    good, bad = f"test.{uuid4().hex}", f"test.{uuid4().hex}"
    client.set(f"{{{bad}}}:ready", "no sorted set", ex=60)
    seen = await reader.read(Server(server.url), [good, bad])
    assert seen[good].stats is not None
    assert (seen[bad].stats, "WRONGTYPE" in (seen[bad].error or "")) == (None, True)


async def test_a_note_of_the_last_decision_is_left_for_dcp_status(
    server: RunningServer, client: redis.Redis, reader: QueueReader
) -> None:
    name = f"test.{uuid4().hex}"
    note = ScalingNote(at=1.5, replicas=3, cause="AtMaxReplicas", reason="40 batches; maxReplicas is 3")
    await reader.leave_notes(Server(server.url), {name: note})
    assert (read_note(client, name), read_note(client, "another")) == (note, None)
    assert client.ttl(f"{{{name}}}:scaling") > 0


async def test_a_url_that_is_none_is_an_answer_too(reader: QueueReader) -> None:
    seen = (await reader.read(Server("nonsense"), ["a"]))["a"]
    assert seen.stats is None
    assert "no server" in (seen.error or "")
