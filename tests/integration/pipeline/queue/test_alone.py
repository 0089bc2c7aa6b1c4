"""A batch that was in the hands of a process that died is tried alone: its neighbour is not counted for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from dcp_pipeline.queue import ForeignPipeline, Job, Queue, RetryPolicy

HARMLESS = ("b", "c")


def run_out(queue: Queue, client: redis.Redis, *ids: str) -> None:
    """Their leases end now, unrenewed."""
    client.zadd(queue.keys.inflight, dict.fromkeys(ids, 1), xx=True)


def work(queue: Queue, client: redis.Redis, concurrency: int, poison: str) -> set[str]:
    """Processes of so many internal workers, one after the other; who has the poison dies, and all it holds with it.
    What died."""
    died: set[str] = set()
    for number in range(100):
        held: dict[str, list] = {}
        for name in [f"p{number}/worker-{n + 1}" for n in range(concurrency)]:
            got = queue.exchange(name, [], 1)
            died |= got.died
            held[name] = list(got.leases)
        ids = [lease.id for leases in held.values() for lease in leases]
        if not ids:
            return died
        if poison in ids:
            run_out(queue, client, *ids)
            continue
        for name, leases in held.items():
            died |= queue.exchange(name, leases, 0).died
    raise AssertionError("the queue is never empty")


@pytest.mark.parametrize("concurrency", [1, 2, 3])
@pytest.mark.parametrize("cap", [1, 2, 3])
@pytest.mark.parametrize("poison", ["a", "b", "c"])
def test_a_poison_batch_dies_and_its_neighbours_do_not(
    make_queue: Callable[..., Queue], client: redis.Redis, concurrency: int, cap: int, poison: str
) -> None:
    queue = make_queue(policy=RetryPolicy(max_attempts=3, max_crashes=cap, base_delay_seconds=0))
    queue.enqueue([Job(each, b"x") for each in "abcdefg"])
    assert work(queue, client, concurrency, poison) == {poison}
    assert [letter.id for letter in queue.dead_letters()] == [poison]
    assert queue.stats().backlog == 0


def test_its_process_gets_no_other_batch_until_it_is_done(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job(each, b"x") for each in "ab"])
    queue.exchange("p1/worker-1", [], 1)
    run_out(queue, client, "a")
    queue.enqueue([Job("c", b"x")])
    (lease,) = queue.exchange("p2/worker-1", [], 9).leases
    assert (lease.id, lease.crashes) == ("a", 1)
    other = queue.exchange("p2/worker-2", [], 9)
    assert (other.leases, other.held_back) == ((), True)
    elsewhere = queue.exchange("p3/worker-1", [], 9)
    assert [each.id for each in elsewhere.leases] == ["b", "c"]
    queue.hand_back(elsewhere.leases)
    after = queue.exchange("p2/worker-1", [lease], 9)
    assert [each.id for each in after.leases] == ["b", "c"]


def test_a_process_that_holds_others_hands_them_in_first(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job(each, b"x") for each in "ab"])
    queue.exchange("p1/worker-1", [], 1)
    (held,) = queue.exchange("p2/worker-1", [], 1).leases
    run_out(queue, client, "a")
    waiting = queue.exchange("p2/worker-2", [], 1)
    assert (waiting.leases, waiting.held_back) == ((), True)
    (alone,) = queue.exchange("p2/worker-1", [held], 1).leases
    assert alone.id == "a"


@pytest.mark.parametrize("how", ["job", "lease", "all"])
def test_a_batch_that_redis_lost_holds_nobody_up(queue: Queue, client: redis.Redis, how: str) -> None:
    queue.enqueue([Job(each, b"x") for each in "ab"])
    queue.exchange("p1/worker-1", [], 1)
    run_out(queue, client, "a")
    queue.exchange("p2/worker-1", [], 1)
    if how != "lease":
        client.delete(queue.keys.job("a"))
    if how != "job":
        client.zrem(queue.keys.inflight, "a")
    assert [each.id for each in queue.exchange("p2/worker-2", [], 1).leases] == ["b"]
    queue.drop()


def test_another_pipelines_worker_is_given_nothing_and_told_whose_the_queue_is(
    make_queue: Callable[..., Queue], client: redis.Redis
) -> None:
    queue = make_queue(pipeline="default/mine")
    queue.own()
    queue.enqueue([Job("a", b"x", pipeline="default/mine")])
    foreign = Queue(client, queue.name, pipeline="default/other")
    with pytest.raises(ForeignPipeline, match="belongs to pipeline default/mine"):
        foreign.own()
    with pytest.raises(ForeignPipeline, match="belongs to pipeline default/mine"):
        foreign.exchange("x/worker-1", [], 1)
    assert [each.id for each in queue.exchange("w/worker-1", [], 1).leases] == ["a"]
    assert queue.owner() == "default/mine"
