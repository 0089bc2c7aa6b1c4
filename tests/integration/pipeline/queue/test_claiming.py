"""Enqueue, exchange, acknowledge: the way of a job when nothing goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import redis

from dcp_pipeline.queue import ForeignPipeline, Job, Queue
from support.waiting import wait_until


def jobs(*ids: str, priority: int = 100) -> list[Job]:
    return [Job(each, f"payload of {each}".encode(), priority) for each in ids]


def claimed(queue: Queue, want: int = 10, worker: str = "w") -> list[str]:
    return [lease.id for lease in queue.exchange(worker, [], want).leases]


def test_a_claimed_job_carries_its_bytes_and_an_acknowledged_one_is_gone(queue: Queue) -> None:
    payload = bytes(range(256)) * 4096
    assert queue.enqueue([Job("a", payload, 7)]) == 1
    (lease,) = queue.exchange("w", [], 5).leases
    assert (lease.id, lease.payload, lease.attempts, lease.crashes, lease.priority) == ("a", payload, 0, 0, 7)
    assert queue.stats().inflight == 1
    exchange = queue.exchange("w", [lease], 5)
    assert (exchange.acknowledged, exchange.stale, exchange.leases) == ({"a"}, frozenset(), ())
    assert (queue.stats().backlog, queue.stats().done) == (0, 1)
    assert queue.present(["a"]) == frozenset()


def test_a_lower_priority_number_goes_first_and_equals_go_in_their_order(queue: Queue) -> None:
    queue.enqueue([*jobs("a", "b"), *jobs("urgent", priority=0), *jobs("c"), *jobs("last", priority=2**21 - 1)])
    assert queue.ready_by_priority() == {0: 1, 100: 3, 2**21 - 1: 1}
    assert claimed(queue) == ["urgent", "a", "b", "c", "last"]


def test_an_acknowledgement_may_be_there_twice_in_one_call(queue: Queue) -> None:
    queue.enqueue(jobs("a"))
    (lease,) = queue.exchange("w", [], 1).leases
    exchange = queue.exchange("w", [lease, lease], 0)
    assert (exchange.acknowledged, exchange.stale) == ({"a"}, frozenset())


def test_no_more_is_claimed_than_wanted(queue: Queue) -> None:
    queue.enqueue(jobs("a", "b", "c"))
    assert claimed(queue, 2) == ["a", "b"]
    assert claimed(queue, 0) == []
    assert claimed(queue, 2) == ["c"]


def test_a_job_that_is_there_in_any_state_is_not_taken_again(queue: Queue) -> None:
    queue.enqueue(jobs("ready", "flying", "dead"))
    first, flying, dead = queue.exchange("w", [], 3).leases
    queue.hand_back([first])
    queue.bury(dead, "of no use")
    queue.enqueue(jobs("scheduled"), delay_seconds=600)
    states = ["ready", "flying", "dead", "scheduled"]
    assert queue.enqueue(jobs(*states, "new")) == 1
    assert queue.present([*states, "new", "unknown"]) == {*states, "new"}
    assert queue.extend([flying]) == frozenset()


def test_an_empty_payload_is_a_job_like_any_other(queue: Queue) -> None:
    queue.enqueue([Job("a", b""), Job("b", b"")])
    a, b = queue.exchange("w", [], 2).leases
    queue.bury(b, "of no use")
    queue.requeue_dead(["b"])
    assert queue.exchange("w", [a], 2).leases[0].payload == b""
    assert queue.forget(["b"]) == 1


def test_thousands_of_jobs_go_through_whole(queue: Queue) -> None:
    ids = [f"job-{n}" for n in range(1203)]
    assert queue.enqueue(jobs(*ids)) == len(ids)
    leases = queue.exchange("w", [], 5000).leases
    assert [lease.id for lease in leases] == ids
    assert queue.present(ids) == set(ids)
    assert queue.extend(leases) == frozenset()
    assert queue.exchange("w", leases, 1).acknowledged == set(ids)
    assert queue.present(ids) == frozenset()


def test_a_claim_stops_where_its_bytes_would_be_too_many(queue: Queue) -> None:
    queue.enqueue([Job(str(n), b"x" * 600) for n in range(5)])
    claims = [[lease.id for lease in queue.exchange("w", [], 9, 1000).leases] for _ in range(4)]
    assert claims == [["0", "1"], ["2", "3"], ["4"], []]


def test_delayed_work_waits_until_it_is_due(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue(jobs("later"), delay_seconds=600)
    queue.enqueue(jobs("now"))
    assert claimed(queue) == ["now"]
    client.zadd(queue.keys.scheduled, {"later": 1})
    assert claimed(queue) == ["later"]


def test_the_stats_tell_where_jobs_are_and_how_old_the_oldest_is(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job("a", b"12345"), Job("b", b"123"), Job("c", b"1")])
    queue.enqueue([Job("d", b"12")], delay_seconds=600)
    a, _ = queue.exchange("w", [], 2).leases
    queue.bury(a, "of no use")
    client.zadd(queue.keys.age, {"b": client.time()[0] * 1_000_000 - 90_000_000})
    stats = queue.stats()
    assert (stats.ready, stats.scheduled, stats.inflight, stats.dead) == (1, 1, 1, 1)
    assert (stats.backlog, stats.bytes, stats.dead_bytes) == (3, 6, 5)
    assert 89 < stats.oldest_age_seconds < 150


def test_an_unused_queue_is_empty_and_nothing_is_old_in_it(queue: Queue) -> None:
    assert queue.stats().backlog == 0
    assert queue.stats().oldest_age_seconds == 0
    assert (queue.owner(), queue.workers(), queue.dead_letters()) == (None, [], [])


def test_the_batches_of_another_pipeline_are_refused(queue: Queue) -> None:
    queue.enqueue([Job("a", b"", pipeline="default/botnet")])
    with pytest.raises(ForeignPipeline, match=r"belongs to pipeline default/botnet, not default/scan"):
        queue.enqueue([Job("b", b"", pipeline="default/scan")])
    assert queue.owner() == "default/botnet"
    assert queue.present(["a", "b"]) == {"a"}
    (lease,) = queue.exchange("w", [], 1).leases
    queue.exchange("w", [lease], 0)
    with pytest.raises(ForeignPipeline):
        queue.enqueue([Job("b", b"", pipeline="default/scan")])


def test_a_sleeper_wakes_for_new_work(make_queue: Callable[..., Queue]) -> None:
    queue = make_queue()
    got: list[str] = []

    def sleep_then_claim() -> None:
        while not got:
            queue.wait(60)
            got.extend(claimed(queue))

    sleeper = threading.Thread(target=sleep_then_claim)
    sleeper.start()
    queue.enqueue(jobs("a"))
    sleeper.join()
    assert got == ["a"]


def test_one_wake_up_reaches_all_sleepers_while_there_is_work(queue: Queue) -> None:
    got: list[str] = []

    def take_one(worker: str) -> None:
        while not (mine := claimed(queue, 1, worker)):
            queue.wait(60)
        got.extend(mine)

    sleepers = [threading.Thread(target=take_one, args=(f"w{n}",)) for n in range(4)]
    for sleeper in sleepers:
        sleeper.start()
    queue.enqueue(jobs("a", "b", "c", "d"))
    for sleeper in sleepers:
        sleeper.join()
    assert sorted(got) == ["a", "b", "c", "d"]


def test_a_lost_wake_up_only_costs_a_moment(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue(jobs("a"))
    client.delete(queue.keys.wake)
    queue.wait(60)
    assert claimed(queue) == ["a"]


def test_a_sleeper_wakes_when_delayed_work_is_due_or_a_lease_runs_out(
    make_queue: Callable[..., Queue],
) -> None:
    queue = make_queue(lease_seconds=0.1)
    queue.enqueue(jobs("a"), delay_seconds=0.1)
    wait_until(lambda: queue.wait(60) or claimed(queue) == ["a"], "the delayed job comes")
    wait_until(lambda: queue.wait(60) or claimed(queue) == ["a"], "the abandoned job comes")


def test_waiting_without_work_ends(queue: Queue) -> None:
    queue.wait(0.05)
    assert claimed(queue) == []
