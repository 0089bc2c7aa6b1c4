"""What may happen to Redis itself: lost replies, lost scripts, lost data, no memory, no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from dcp_pipeline.queue import Inbox, Job, Lease, Queue, QueueFull, RetryState, ask_to_go, check_server
from support.redis_server import RunningServer, redis_server


def claim(queue: Queue, worker: str = "w") -> Lease:
    (lease,) = queue.exchange(worker, [], 1).leases
    return lease


@pytest.fixture
def lose_reply(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """After this call the next script is carried out, but its reply does not arrive."""

    def arm() -> None:
        # A server that does not know the script yet says so to evalsha, and gets its source by eval.
        senders = {name: getattr(client, name) for name in ("evalsha", "eval")}

        def losing(name: str) -> Callable[..., Any]:
            def send_and_lose(*arguments: Any) -> Any:
                senders[name](*arguments)
                for each, sender in senders.items():
                    monkeypatch.setattr(client, each, sender)
                raise redis.ConnectionError("the connection broke")

            return send_and_lose

        for name in senders:
            monkeypatch.setattr(client, name, losing(name))

    return arm


@pytest.fixture
def full(client: redis.Redis, server: RunningServer) -> Iterator[Callable[[], None]]:
    """After this call the server is above its maxmemory."""
    yield lambda: client.config_set("maxmemory", 1)
    with server.client() as other:
        other.config_set("maxmemory", 0)


def test_a_claim_whose_reply_was_lost_comes_again(queue: Queue, lose_reply: Callable[[], None]) -> None:
    queue.enqueue([Job(each, b"payload") for each in "abc"])
    lose_reply()
    with pytest.raises(redis.ConnectionError):
        queue.exchange("w", [], 2)
    assert queue.stats().inflight == 2
    leases = queue.exchange("w", [], 2).leases
    assert [(lease.id, lease.payload, lease.crashes) for lease in leases] == [
        ("a", b"payload", 0),
        ("b", b"payload", 0),
    ]
    assert [lease.id for lease in queue.exchange("w", leases, 2).leases] == ["c"]


@pytest.mark.parametrize("field", ["payload", "priority"])
def test_a_repeated_claim_leaves_out_what_is_half_a_job_by_now(
    queue: Queue, client: redis.Redis, lose_reply: Callable[[], None], field: str
) -> None:
    queue.enqueue([Job(each, b"payload") for each in "abc"])
    lose_reply()
    with pytest.raises(redis.ConnectionError):
        queue.exchange("w", [], 2)
    client.hdel(queue.keys.job("a"), field)
    leases = queue.exchange("w", [], 2).leases
    assert [lease.id for lease in leases] == ["b"]
    last = queue.exchange("w", leases, 2).leases
    assert [lease.id for lease in last] == ["c"]
    queue.exchange("w", last, 0)
    assert queue.stats().inflight == 0


def test_a_claim_that_came_too_late_is_not_repeated_over_its_new_holder(
    queue: Queue, client: redis.Redis, lose_reply: Callable[[], None]
) -> None:
    queue.enqueue([Job("a", b""), Job("b", b"")])
    lose_reply()
    with pytest.raises(redis.ConnectionError):
        queue.exchange("slow", [], 1)
    client.zadd(queue.keys.inflight, {"a": 1})
    held = claim(queue, "other")
    assert claim(queue, "slow").id == "b"
    assert queue.exchange("other", [held], 0).acknowledged == {"a"}


def test_a_claim_whose_reply_was_lost_comes_again_to_a_process_that_was_asked_to_go_meanwhile(
    queue: Queue, client: redis.Redis, lose_reply: Callable[[], None]
) -> None:
    """Nobody else would have it before its lease has run out, and that would count as a crash."""
    queue.enqueue([Job("a", b""), Job("b", b"")])
    lose_reply()
    with pytest.raises(redis.ConnectionError):
        queue.exchange("p/worker-1", [], 1)
    ask_to_go(client, queue.name, ["p"], 1)
    answer = queue.exchange("p/worker-1", [], 1)
    assert ([lease.id for lease in answer.leases], answer.leaving) == (["a"], True)
    answer = queue.exchange("p/worker-1", answer.leases, 1)
    assert (answer.acknowledged, answer.leases, answer.leaving) == ({"a"}, (), True)


def test_an_acknowledgement_whose_reply_was_lost_may_be_repeated(queue: Queue, lose_reply: Callable[[], None]) -> None:
    queue.enqueue([Job("a", b"")])
    lease = claim(queue)
    lose_reply()
    with pytest.raises(redis.ConnectionError):
        queue.exchange("w", [lease], 1)
    exchange = queue.exchange("w", [lease], 1)
    assert (exchange.acknowledged, exchange.stale) == ({"a"}, frozenset())


def test_a_failure_whose_reply_was_lost_is_counted_once(queue: Queue, lose_reply: Callable[[], None]) -> None:
    queue.enqueue([Job("a", b"")])
    for attempt, state in enumerate([RetryState.SCHEDULED, RetryState.SCHEDULED, RetryState.DEAD], 1):
        lease = claim(queue)
        lose_reply()
        with pytest.raises(redis.ConnectionError):
            queue.retry(lease, "no")
        outcome = queue.retry(lease, "no")
        assert (outcome.state, outcome.attempts, outcome.at is None) == (state, attempt, False)


def test_a_wiped_redis_surprises_nobody(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job(each, b"old") for each in "abcd"])
    a, b, c, d = queue.exchange("w", [], 4).leases
    client.flushall()
    assert queue.extend([a, b]) == {"a", "b"}
    assert queue.exchange("w", [a], 1).acknowledged == {"a"}
    assert queue.retry(b, "no").state is RetryState.LOST
    assert not queue.bury(c, "no")
    assert not queue.set_progress(c, 1, 2)
    queue.hand_back([c, d])
    assert queue.stats().backlog == 0
    assert queue.exchange("w", [], 5).leases == ()


def test_a_lease_from_before_a_wipe_cannot_touch_the_job_of_after(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job("a", b"old")])
    old = claim(queue, "before")
    client.flushall()
    queue.enqueue([Job("a", b"new")])
    assert queue.exchange("before", [old], 0).stale == {"a"}
    new = claim(queue, "after")
    assert queue.exchange("before", [old], 0).stale == {"a"}
    assert queue.extend([old]) == {"a"}
    assert queue.exchange("after", [new], 0).acknowledged == {"a"}


def test_a_server_that_lost_its_scripts_is_taught_again(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job("a", b"")])
    client.script_flush()
    assert queue.stats().ready == 1
    client.script_flush()
    lease = claim(queue)
    client.script_flush()
    assert queue.extend([lease]) == frozenset()
    client.script_flush()
    assert queue.exchange("w", [lease], 1).acknowledged == {"a"}


def test_a_full_redis_takes_nothing_new_but_works_off_what_it_has(queue: Queue, full: Callable[[], None]) -> None:
    queue.enqueue([Job(str(n), b"payload") for n in range(6)])
    acked, failing, hopeless, handed_back = queue.exchange("w", [], 4).leases
    full()
    with pytest.raises(QueueFull, match="maxmemory"):
        queue.enqueue([Job("new", b"payload")])
    assert queue.present(["new"]) == frozenset()
    assert queue.stats().backlog == 6
    assert queue.dead_letters() == queue.workers() == []
    assert queue.dead_payload("0") is None
    assert queue.extend([acked, failing]) == frozenset()
    assert queue.set_progress(acked, 1, 2)
    assert queue.retry(failing, "no").state is RetryState.SCHEDULED
    assert queue.bury(hopeless, "no")
    queue.hand_back([handed_back])
    exchange = queue.exchange("w", [acked], 9)
    assert exchange.acknowledged == {"0"}
    assert [lease.id for lease in exchange.leases] == ["1", "3", "4", "5"]
    assert queue.requeue_dead(["2"]) == 1
    assert queue.forget(["2", "5"]) == 2
    assert queue.exchange("w", exchange.leases, 9).acknowledged == {"1", "3", "4", "5"}


def test_the_first_job_of_a_full_redis_is_refused_whole(queue: Queue, full: Callable[[], None]) -> None:
    full()
    for pipeline in ("", "default/botnet"):
        with pytest.raises(QueueFull):
            queue.enqueue([Job("a", b"x", pipeline=pipeline), Job("b", b"x", pipeline=pipeline)])
    assert queue.stats().backlog == 0


def test_a_full_redis_takes_no_task_but_tells_about_those_it_has(inbox: Inbox, full: Callable[[], None]) -> None:
    inbox.push("{}")
    full()
    with pytest.raises(QueueFull):
        inbox.push("{}")
    inbox.put_task("t", {"state": "done"})
    assert inbox.expire_task("t", 60)
    assert inbox.pop_if(b"{}")
    inbox.drop()


def test_a_job_whose_hash_an_operator_deleted_is_skipped(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job(each, b"x") for each in "abcd"])
    lease = claim(queue)
    client.zadd(queue.keys.inflight, {"a": 1})
    client.delete(queue.keys.job("a"), queue.keys.job("b"))
    assert [each.id for each in queue.exchange("w", [lease], 9).leases] == ["c", "d"]
    assert queue.forget(["c", "d"]) == 2
    assert queue.stats().bytes == 0


def test_a_server_that_evicts_is_reported(client: redis.Redis) -> None:
    assert check_server(client) == []
    client.config_set("maxmemory-policy", "allkeys-lru")
    (warning,) = check_server(client)
    client.config_set("maxmemory-policy", "noeviction")
    assert "allkeys-lru" in warning
    assert "noeviction" in warning


def test_the_queue_outlives_a_power_cut_of_a_durable_redis() -> None:
    with redis_server(appendonly="yes", appendfsync="always") as server:
        client = server.client()
        queue = Queue(client, "durable")
        queue.enqueue([Job("a", b"x"), Job("b", b"y")])
        lease = claim(queue)
        server.kill()
        with pytest.raises(redis.ConnectionError):
            queue.stats()
        with pytest.raises(redis.ConnectionError):
            queue.exchange("w", [lease], 1)
        server.start()
        exchange = queue.exchange("w", [lease], 1)
        assert exchange.acknowledged == {"a"}
        assert [each.id for each in exchange.leases] == ["b"]
