"""One conformance suite, two servers: real Redis over TCP and the embedded Valkey over a unix socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
import redis

from dcp_pipeline.queue import Inbox, Queue, RetryPolicy
from support.redis_server import RunningServer, redis_server, valkey_server

AT_ONCE = RetryPolicy(max_attempts=3, max_crashes=3, base_delay_seconds=0)


@pytest.fixture(scope="session", params=[redis_server, valkey_server], ids=["redis", "valkey"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with request.param() as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[redis.Redis]:
    with server.client() as client:
        yield client


@pytest.fixture
def make_queue(client: redis.Redis) -> Iterator[Callable[..., Queue]]:
    """Makes queues of unique names, and fails a test that leaves a key behind which nothing accounts for."""
    with ExitStack() as checks:

        def make(**options: Any) -> Queue:
            queue = Queue(client, f"test.{uuid4().hex}", **{"policy": AT_ONCE, **options})
            checks.callback(_check_drop, client, queue)
            checks.callback(_check_keys, client, queue)
            return queue

        yield make


@pytest.fixture
def queue(make_queue: Callable[..., Queue]) -> Queue:
    return make_queue()


@pytest.fixture
def inbox(client: redis.Redis) -> Iterator[Inbox]:
    inbox = Inbox(client, f"test.{uuid4().hex}")
    yield inbox
    inbox.drop()
    assert keys_of(client, inbox.name) == set()


def keys_of(client: redis.Redis, name: str) -> set[str]:
    found = client.scan_iter(match=f"*{name}*", count=1000)
    return {key.decode().removeprefix(f"{{{name}}}:") for key in found}


def _check_keys(client: redis.Redis, queue: Queue) -> None:
    """Every job is in exactly one state and in the index of its age, or dead; every byte is counted."""
    keys = queue.keys
    live = [set(client.zrange(state, 0, -1)) for state in (keys.ready, keys.scheduled, keys.inflight)]
    dead = set(client.zrange(keys.dead, 0, -1))
    jobs = {key.removeprefix("job:") for key in keys_of(client, queue.name) if key.startswith("job:")}
    assert sum(len(state) for state in live) == len(set().union(*live)), "a job is in two states"
    assert set().union(*live) == set(client.zrange(keys.age, 0, -1))
    assert {job_id.decode() for job_id in set().union(*live, dead)} == jobs, "a job without a state"
    sizes = {job_id: int(client.hget(keys.job(job_id), "bytes") or 0) for job_id in jobs}
    stats = queue.stats()
    assert stats.dead_bytes == sum(sizes[job_id.decode()] for job_id in dead)
    assert stats.bytes == sum(sizes.values()) - stats.dead_bytes
    if not jobs:
        assert keys_of(client, queue.name) <= {"meta", "workers", "vitals", "leaving"}
        assert set(client.hkeys(keys.meta)) <= {b"pipeline", b"done"}
    assert len(client.hkeys(keys.claims)) <= len(live[2]), "a claim is remembered for nothing"


def _check_drop(client: redis.Redis, queue: Queue) -> None:
    queue.drop()
    assert keys_of(client, queue.name) == set()
