"""While a slot moves, half of a queue is on one server and half on another: no script works with half."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis.crc import key_slot

from dcp_pipeline.observe.report import read_reports
from dcp_pipeline.queue import UNREACHABLE, Inbox, Job, Queue, connect
from dcp_pipeline.queue.keys import Keys
from support.redis_groups import Cluster, cluster
from support.redis_server import RunningServer

NAMES = [f"job-{n}" for n in range(6)]


@pytest.fixture(scope="module")
def servers() -> Iterator[Cluster]:
    with cluster() as servers:
        yield servers


def queue_on(servers: Cluster, name: str) -> Queue:
    return Queue(connect(servers.url, key=Keys(name).never), name, pipeline="demo/one")


def filled(queue: Queue, servers: Cluster) -> None:
    """With a key of each kind that a script is told of."""
    queue.enqueue([Job(id=each, payload=each.encode() * 100, priority=5, pipeline="demo/one") for each in NAMES])
    queue.enqueue([Job(id="later", payload=b"x", priority=5, pipeline="demo/one")], delay_seconds=3600)
    (first,) = queue.exchange("worker/0", [], 1).leases
    assert queue.bury(first, "no use")
    assert queue.exchange("worker/1", [], 1).leases
    client = servers.client(queue.keys.meta)
    client.hset(queue.keys.alone, "somebody", "else")
    client.zadd(queue.keys.leaving, {"somebody": 1})
    assert [each for each in queue.keys.state if not client.exists(each)] == [queue.keys.never]


def other_than(servers: Cluster, key: str) -> RunningServer:
    return next(each for each in servers.servers if each is not servers.owner(key))


def contents(servers: Cluster, queue: Queue) -> dict[bytes, bytes]:
    """Of every server, of one that is being filled too."""
    found = {}
    for each in servers.servers:
        client = each.client()
        for key in client.scan_iter(f"{{{queue.name}}}*"):
            asking = client.pipeline(transaction=False)
            asking.execute_command("ASKING")
            asking.dump(key)
            found[key] = asking.execute()[1]
    return found


CALLS: dict[str, Callable[[Queue], object]] = {
    "enqueue": lambda queue: queue.enqueue([Job(id="new", payload=b"x", priority=0, pipeline="demo/one")]),
    "exchange": lambda queue: queue.exchange("worker/2", [], 10),
    "requeue_dead": lambda queue: queue.requeue_dead(NAMES),
    "forget": lambda queue: queue.forget(NAMES),
    "mend": lambda queue: queue.mend(),
    "drop": lambda queue: queue.drop(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_a_script_is_refused_whole_while_jobs_are_on_the_way(
    servers: Cluster, call: Callable[[Queue], object], request: pytest.FixtureRequest
) -> None:
    queue = queue_on(servers, f"moving.{request.node.callspec.id}")
    filled(queue, servers)
    source, target = servers.owner(queue.keys.meta), other_than(servers, queue.keys.meta)
    servers.begin_move(queue.keys.meta, target)
    jobs = [queue.keys.job(each) for each in NAMES[:4]]
    source.client().execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *jobs)
    before = contents(servers, queue)
    with pytest.raises(UNREACHABLE, match="moving the queue's slot"):
        call(queue)
    assert contents(servers, queue) == before
    servers.move_keys(queue.keys.meta, target)
    servers.end_move(queue.keys.meta, target)
    assert servers.owner(queue.keys.meta) is target
    call(queue)


def test_a_queue_that_has_moved_is_found_with_everything_in_it(servers: Cluster) -> None:
    queue = queue_on(servers, "whole")
    inbox = Inbox(connect(servers.url, key=queue.keys.never), "whole")
    filled(queue, servers)
    inbox.push(b"a task")
    inbox.put_task("t", {"state": "new"})
    target = other_than(servers, queue.keys.meta)
    before = queue.stats()
    servers.begin_move(queue.keys.meta, target)
    servers.move_keys(queue.keys.meta, target)
    servers.end_move(queue.keys.meta, target)
    after = queue.stats()
    assert (after.ready, after.scheduled, after.inflight, after.dead) == (4, 1, 1, 1)
    assert (after.bytes, after.dead_bytes) == (before.bytes, before.dead_bytes)
    assert (inbox.peek(), inbox.task("t"), inbox.task_ids()) == (b"a task", {"state": "new"}, ["t"])
    assert [each.id for each in queue.dead_letters()] == ["job-0"]
    assert (queue.workers(), read_reports(queue._redis, "whole")) == ([], {})
    assert [each.id for each in queue.exchange("worker/1", [], 10).leases] == NAMES[2:]


def test_all_keys_of_a_queue_are_in_one_slot() -> None:
    keys = Keys("demo.botnet")
    every = [*keys.state, keys.workers, keys.vitals, keys.tasks, keys.job("x"), keys.task("y"), keys.inbox]
    assert len({key_slot(each.encode()) for each in every}) == 1


def test_a_cluster_of_which_no_server_answers_is_away() -> None:
    queue = Queue(connect("redis+cluster://127.0.0.1:1,127.0.0.1:2", key="{x}:never"), "x")
    with pytest.raises(UNREACHABLE):
        queue.stats()
