"""Processes that are asked to go: who is chosen, and that an idle one that was chosen stays idle."""

from __future__ import annotations

import threading

import redis

from dcp_pipeline.queue import Job, Queue, ask_to_go
from support.waiting import wait_until


def jobs(count: int) -> list[Job]:
    return [Job(f"job-{n}", b"") for n in range(count)]


def test_idle_processes_go_first_in_the_order_given_then_those_that_hold_least(
    queue: Queue, client: redis.Redis
) -> None:
    queue.enqueue(jobs(3))
    queue.exchange("two/worker-1", [], 1)
    queue.exchange("two/worker-2", [], 1)
    queue.exchange("one/worker-1", [], 1)
    everybody = ["two", "idle-b", "one", "idle-a"]
    assert dict(ask_to_go(client, queue.name, everybody, 2)) == {"idle-b": 0, "idle-a": 0}
    assert list(ask_to_go(client, queue.name, everybody, 4).items()) == [
        ("idle-b", 0), ("idle-a", 0), ("one", 1), ("two", 2)
    ]  # fmt: skip


def test_who_was_asked_to_go_finishes_what_it_holds_and_gets_nothing_more(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue(jobs(2))
    (held,) = queue.exchange("p/worker-1", [], 1).leases
    ask_to_go(client, queue.name, ["p"], 1)
    answer = queue.exchange("p/worker-1", [held], 1)
    assert (answer.acknowledged, answer.leases, answer.leaving) == ({held.id}, (), True)
    assert queue.exchange("p/worker-2", [], 1).leaving
    other = queue.exchange("q/worker-1", [], 1)
    assert (len(other.leases), other.leaving) == (1, False)


def test_whoever_was_asked_before_is_chosen_again_before_another_busy_one(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue(jobs(3))
    queue.exchange("a/worker-1", [], 1)
    assert list(ask_to_go(client, queue.name, ["a"], 1)) == ["a"]
    queue.exchange("b/worker-1", [], 1)
    assert list(ask_to_go(client, queue.name, ["b", "a"], 1)) == ["a"]


def test_everybody_stays_once_none_is_to_go_any_more_or_nobody_asks_again(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue(jobs(2))
    ask_to_go(client, queue.name, ["p"], 1)
    ask_to_go(client, queue.name, ["p"], 0)
    assert queue.exchange("p/worker-1", [], 1).leases
    ask_to_go(client, queue.name, ["p"], 1, seconds=0.2)
    wait_until(lambda: queue.exchange("p/worker-1", [], 1).leases, "the request to be forgotten")
    wait_until(lambda: not client.exists(queue.keys.leaving), "no key to be left")


def test_a_process_found_idle_claims_nothing_however_many_claim_at_that_time(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue(jobs(20))
    names = [f"p{n}" for n in range(6)]

    def claim(process: str) -> None:
        while not (answer := queue.exchange(f"{process}/worker-1", [], 1)).leaving or not everybody.is_set():
            queue.hand_back(answer.leases)

    everybody = threading.Event()
    threads = [threading.Thread(target=claim, args=(name,)) for name in names]
    for each in threads:
        each.start()
    for _ in range(50):
        told = ask_to_go(client, queue.name, names, 3)
        assert not {name for name, held in told.items() if held == 0} & holders(queue, client)
    ask_to_go(client, queue.name, names, len(names))
    everybody.set()
    for each in threads:
        each.join(10)
    assert not any(each.is_alive() for each in threads), "nobody is given anything any more"


def holders(queue: Queue, client: redis.Redis) -> set[str]:
    """The processes that hold a job now."""
    ids = client.zrange(queue.keys.inflight, 0, -1)
    found = [client.hget(queue.keys.job(each.decode()), "worker") for each in ids]
    return {each.decode().partition("/")[0] for each in found if each}
