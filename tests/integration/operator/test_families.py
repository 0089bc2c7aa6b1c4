"""A queue's server by IPv6 alone, and names that lead to addresses of both families, or to some that are dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server
from dcp_pipeline.queue import Job, Queue, connect
from dcp_pipeline.queue.keys import Keys
from support.redis_server import RunningServer, redis_server

NAME = "feeds.botnet"


@pytest.fixture(scope="module")
def ipv6() -> Iterator[RunningServer]:
    """It listens in IPv6; in IPv4 on another address than the one that is dead here."""
    with redis_server(bind="::1 127.0.0.1", protected_mode="no") as server:
        queue = Queue(connect(f"redis://[::1]:{server.port}/0"), NAME, pipeline="feeds/botnet")
        queue.enqueue([Job(id="job", payload=b"x", priority=5, pipeline="feeds/botnet")])
        server.client().config_set("bind", "::1")
        yield server


@pytest.fixture
async def reader() -> AsyncIterator[QueueReader]:
    reader = QueueReader(Reach(("::1", "127.0.0.2")))
    yield reader
    reader.close()


async def backlog(reader: QueueReader, url: str) -> int | str | None:
    seen = (await reader.read(Server(url, namespace="feeds"), [NAME]))[NAME]
    return seen.stats.backlog if seen.stats is not None else seen.error


async def test_the_operator_reads_a_queue_by_ipv6_alone(ipv6: RunningServer, reader: QueueReader) -> None:
    assert await backlog(reader, f"redis://[::1]:{ipv6.port}/0") == 1


@pytest.mark.parametrize("addresses", [["127.0.0.2", "::1"], ["::1", "127.0.0.2"], ["127.0.0.2", "127.0.0.2", "::1"]])
async def test_a_name_of_both_families_is_tried_to_its_last_address(
    ipv6: RunningServer, reader: QueueReader, addresses: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(0, 0, 0, "", (each, 0)) for each in addresses]
    monkeypatch.setattr("dcp_operator.scaling.queues.socket.getaddrinfo", lambda *_, **__: found)
    assert await backlog(reader, f"redis://redis.feeds.svc:{ipv6.port}/0") == 1


async def test_one_address_that_is_out_of_bounds_keeps_it_from_all(
    ipv6: RunningServer, reader: QueueReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(0, 0, 0, "", (each, 0)) for each in ("::1", "127.0.0.1")]
    monkeypatch.setattr("dcp_operator.scaling.queues.socket.getaddrinfo", lambda *_, **__: found)
    assert await backlog(reader, f"redis://redis.feeds.svc:{ipv6.port}/0") == (
        "the host is an address that the operator never goes to"
    )


async def test_a_cluster_moves_us_to_an_address_of_ipv6(ipv6: RunningServer, reader: QueueReader) -> None:
    """A MOVED has it without brackets. The first server is no Redis, and knows nothing else to say."""

    async def met(asked: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        while commands := await asked.read(65536):
            answer.write(b"-MOVED 1 ::1:%d\r\n" % ipv6.port * commands.count(b"*"))
            await answer.drain()
        answer.close()

    first = await asyncio.start_server(met, "::1", 0)
    url = f"redis+cluster://[::1]:{first.sockets[0].getsockname()[1]}"
    assert await backlog(reader, url) == 1
    assert await asyncio.to_thread(lambda: Queue(connect(url, key=Keys(NAME).never), NAME).stats().backlog) == 1
    first.close()
