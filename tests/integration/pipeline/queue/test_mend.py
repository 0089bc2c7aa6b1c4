"""A server that evicts takes whole keys, of any kind: what the others still know is put back, the rest is told."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import redis

from dcp_pipeline.queue import Job, Mended, Queue
from dcp_pipeline.queue.keys import Keys

NAMES = ("ready", "scheduled", "flying", "dead")


def filled(queue: Queue) -> None:
    """A job in each state."""
    for name in NAMES:
        queue.enqueue([Job(name, name.encode() * 3)], delay_seconds=60 if name == "scheduled" else 0)
        if name == "dead":
            queue.exchange("w", [], 1)  # the one that is ready
            (lease,) = queue.exchange("w", [], 1).leases
            queue.bury(lease, "of no use")
        elif name == "flying":
            queue.exchange("w", [], 1)


def drained(queue: Queue, client: redis.Redis) -> set[str]:
    """Every job that comes out, once all leases and delays are over."""
    for index in (queue.keys.inflight, queue.keys.scheduled):
        for each in client.zrange(index, 0, -1):
            client.zadd(index, {each: 1})
    out: set[str] = set()
    for number in range(20):
        leases = queue.exchange(f"drain{number}", [], 1).leases
        out |= {each.id for each in leases}
        queue.exchange(f"drain{number}", leases, 0)
    return out


ELSEWHERE = {"dead"}
"""Who asks for them finds them, below."""
KINDS = sorted(name for name, key in vars(Keys("any")).items() if key.startswith("{any}:") and not key.endswith(":"))


def test_every_kind_of_key_is_lost_once_here() -> None:
    queue_keys = Keys("any")
    assert {getattr(queue_keys, name) for name in KINDS} >= set(queue_keys.state)


@pytest.mark.parametrize("key", sorted(set(KINDS) - ELSEWHERE))
def test_an_index_that_is_gone_is_made_again(queue: Queue, client: redis.Redis, key: str) -> None:
    filled(queue)
    before = queue.stats()
    client.delete(getattr(queue.keys, key))
    mended = queue.mend()
    assert mended.gone == 0
    assert queue.mend() == Mended(0, 0)
    after = queue.stats()
    assert (after.backlog, after.bytes, after.dead_bytes) == (before.backlog, before.bytes, before.dead_bytes)
    assert drained(queue, client) == {"ready", "scheduled", "flying"}
    assert queue.stats().bytes == 0
    queue.purge_dead(["dead"])


def test_dead_jobs_whose_index_is_gone_are_found_by_who_asks_for_them(queue: Queue, client: redis.Redis) -> None:
    filled(queue)
    client.delete(queue.keys.dead)
    assert queue.requeue_dead(["dead"]) == 0
    assert queue.present(["dead", "unknown"]) == {"dead"}
    assert queue.mend() == Mended(0, 0)
    assert drained(queue, client) == {"ready", "scheduled", "flying", "dead"}


@pytest.mark.parametrize("gone", [["ready"], ["scheduled", "flying"], list(NAMES)])
def test_jobs_that_are_gone_leave_the_indexes_and_their_bytes(
    queue: Queue, client: redis.Redis, gone: list[str]
) -> None:
    filled(queue)
    for name in gone:
        client.delete(queue.keys.job(name))
    assert queue.mend() == Mended(len(gone), 0)
    assert queue.present(NAMES) == set(NAMES) - set(gone)
    left = [name for name in NAMES if name not in gone]
    assert queue.stats().bytes == sum(3 * len(name) for name in left if name != "dead")
    queue.enqueue([Job(name, b"again") for name in gone])
    assert drained(queue, client) == {*left, *gone} - ({"dead"} - set(gone))
    queue.purge_dead(["dead"])


def test_what_is_in_no_index_is_taken_in_again_by_an_enqueue(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job("a", b"x"), Job("b", b"y")])
    client.delete(queue.keys.ready, queue.keys.age, queue.keys.meta)
    assert queue.enqueue([Job("a", b"x"), Job("b", b"y")]) == 0
    queue.mend()
    assert queue.stats().bytes == 2
    assert [each.id for each in queue.exchange("w", [], 9).leases] == ["a", "b"]
    drained(queue, client)


def test_queues_larger_than_a_call_are_mended_too(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job(f"{n:04}", b"x") for n in range(2_500)])
    lost = [f"{n:04}" for n in range(0, 2_500, 7)]
    client.zrem(queue.keys.ready, *lost)
    assert queue.mend() == Mended(0, len(lost))
    assert queue.stats().ready == 2_500
    assert [each.id for each in queue.exchange("w", [], 3).leases] == ["0000", "0001", "0002"]
    queue.drop()


FIELDS = ("payload", "bytes", "priority", "sequence", "enqueued_at")


@pytest.mark.parametrize("left", ["payload", "token", "bytes", "enqueued_at"])
def test_a_field_that_somebody_writes_into_a_job_that_is_gone_makes_none(
    queue: Queue, client: redis.Redis, left: str
) -> None:
    """The caretaker asked for such a job and failed, at each of its rounds, for ever."""
    queue.enqueue([Job("a", b"x"), Job("b", b"y")])
    leases = queue.exchange("w", [], 1).leases
    queue.exchange("w", leases, 0)
    client.hset(queue.keys.job("a"), left, "7")
    assert queue.present(["a", "b"]) == {"b"}
    client.hset(queue.keys.job("a"), left, "7")
    assert queue.enqueue([Job("a", b"again")]) == 1
    assert drained(queue, client) == {"a", "b"}


@pytest.mark.parametrize("lost", FIELDS)
@pytest.mark.parametrize("garbled", [False, True])
def test_a_job_that_lost_a_field_is_gone_and_can_be_queued_again(
    queue: Queue, client: redis.Redis, lost: str, garbled: bool
) -> None:
    if garbled and lost == "payload":
        garbled = False  # any bytes are a payload: the ledger knows better
    filled(queue)
    for name in NAMES:
        client.hset(queue.keys.job(name), lost, "many") if garbled else client.hdel(queue.keys.job(name), lost)
    assert queue.mend() == Mended(len(NAMES), 0)
    assert queue.present(NAMES) == frozenset()
    queue.enqueue([Job(name, b"again") for name in NAMES])
    assert drained(queue, client) == set(NAMES)


@pytest.mark.parametrize("lost", FIELDS)
def test_a_worker_that_comes_before_the_caretaker_bears_it(queue: Queue, client: redis.Redis, lost: str) -> None:
    queue.enqueue([Job("a", b"x"), Job("b", b"y")])
    client.hdel(queue.keys.job("a"), lost)
    held = queue.exchange("w", [], 9).leases
    assert {each.id for each in held} >= {"b"}
    queue.exchange("w", held, 0)
    queue.mend()
    assert queue.stats().backlog == 0


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_evicted_each_pending_batch_is_found_or_missed(
    make_queue: Callable[..., Queue], client: redis.Redis, seed: int
) -> None:
    """What the caretaker does: mend, ask for what the ledger waits for, queue again what is missing."""
    chance, queue = random.Random(seed), make_queue()
    pending = [f"job{n}" for n in range(30)]
    queue.enqueue([Job(each, b"x" * 10) for each in pending])
    held = queue.exchange("w", [], 5).leases
    for lease in held[:2]:
        queue.retry(lease, "once")
    for key in chance.sample(sorted(client.scan_iter(match=f"{queue.keys.prefix}*")), 12):
        client.delete(key)
    queue.mend()
    missing = set(pending) - queue.present(pending)
    queue.enqueue([Job(each, b"x" * 10) for each in sorted(missing)])
    queue.mend()
    assert queue.stats().bytes == 300
    assert queue.stats().backlog == 30
    out = set()
    for _ in range(8):
        out |= drained(queue, client)
    assert out == set(pending)
    assert queue.stats().bytes == 0
