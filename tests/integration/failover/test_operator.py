"""The operator's reading of a backlog goes on, wherever the queue is by then."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server
from dcp_pipeline.queue import Job, Queue, connect
from dcp_pipeline.queue.keys import Keys
from support.redis_groups import PATIENT, Cluster, SentinelSet, cluster, sentinel_set
from support.waiting import eventually

NAME = "feeds.botnet"
KEYS = Keys(NAME)


@pytest.fixture
async def reader() -> AsyncIterator[QueueReader]:
    reader = QueueReader(Reach(("127.0.0.1",)))
    yield reader
    reader.close()


def filled(servers: Cluster | SentinelSet) -> Queue:
    queue = Queue(connect(servers.url, key=KEYS.never), NAME, pipeline="feeds/botnet")
    queue.enqueue([Job(id=f"job-{n}", payload=b"x", priority=5, pipeline="feeds/botnet") for n in range(7)])
    return queue


async def sees(reader: QueueReader, server: Server, backlog: int) -> None:
    """It may take a while: a server that stays away is asked less often."""

    async def read() -> bool:
        seen = (await reader.read(server, [NAME]))[NAME]
        return seen.stats is not None and seen.stats.backlog == backlog

    await eventually(read, f"a backlog of {backlog}", PATIENT)


async def test_behind_sentinels(reader: QueueReader) -> None:
    with sentinel_set(replicas=1) as servers:
        filled(servers)
        server = Server(servers.url, namespace="feeds")
        await sees(reader, server, 7)
        servers.primary.client().execute_command("WAIT", 1, 60_000)
        killed = servers.kill_primary()
        assert (await reader.read(server, [NAME]))[NAME].stats is None
        servers.wait_for_another(killed)
        await sees(reader, server, 7)
        assert await reader.ask_to_go(server, NAME, ["worker"], 1) == {"worker": 0}
        servers.sentinels[0].kill()
        reader.keep(set())
        await sees(reader, server, 7)


async def test_in_a_cluster(reader: QueueReader) -> None:
    with cluster(replicas_of=KEYS.meta) as servers:
        filled(servers)
        server = Server(servers.url, namespace="feeds", queue=NAME)
        await sees(reader, server, 7)
        killed = servers.owner(KEYS.meta)
        killed.client().execute_command("WAIT", 1, 60_000)
        killed.kill()
        promoted = servers.wait_for_another(KEYS.meta, killed)
        await sees(reader, server, 7)
        other = next(each for each in servers.servers if each not in (killed, promoted))
        servers.begin_move(KEYS.meta, other)
        servers.move_keys(KEYS.meta, other, most=3)
        seen = (await reader.read(server, [NAME]))[NAME]
        assert (seen.stats, seen.error) == (None, "the Cluster is moving the queue's slot to another server")
        servers.move_keys(KEYS.meta, other)
        servers.end_move(KEYS.meta, other)
        await sees(reader, server, 7)
        one = Server(f"redis://127.0.0.1:{promoted.port}/0")
        assert "redis+cluster://" in str((await reader.read(one, [NAME]))[NAME].error)
