"""Retries, crashes, fencing and dead letters: the way of a job when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis

from dcp_pipeline.queue import Job, Lease, Progress, Queue, RetryPolicy, RetryState


def claim(queue: Queue, worker: str = "w") -> Lease:
    (lease,) = queue.exchange(worker, [], 1).leases
    return lease


def expire(queue: Queue, client: redis.Redis, *ids: str) -> None:
    """As if nobody had renewed these leases in time."""
    client.zadd(queue.keys.inflight, dict.fromkeys(ids, 1.0), xx=True)


def given_away(queue: Queue, client: redis.Redis, job_id: str) -> tuple[Lease, Lease]:
    """The lease of a worker that was paused, and that of the one who has the job now."""
    queue.enqueue([Job(job_id, b"payload")])
    paused = claim(queue, "paused")
    expire(queue, client, job_id)
    return paused, claim(queue, "other")


def test_a_failed_job_comes_again_at_its_old_place_and_with_its_priority(queue: Queue) -> None:
    queue.enqueue([Job("a", b""), Job("b", b"")])
    outcome = queue.retry(claim(queue), "no such table")
    assert (outcome.state, outcome.attempts) == (RetryState.SCHEDULED, 1)
    queue.enqueue([Job("c", b""), Job("urgent", b"", 5)])
    leases = queue.exchange("w", [], 9).leases
    assert [(lease.id, lease.attempts, lease.priority) for lease in leases] == [
        ("urgent", 0, 5),
        ("a", 1, 100),
        ("b", 0, 100),
        ("c", 0, 100),
    ]


def test_a_retry_waits_for_its_backoff(make_queue: Callable[..., Queue]) -> None:
    queue = make_queue(policy=RetryPolicy(base_delay_seconds=3600, max_delay_seconds=7200))
    queue.enqueue([Job("a", b"")])
    outcome = queue.retry(claim(queue), "database away")
    assert outcome.state is RetryState.SCHEDULED
    assert outcome.at is not None
    assert outcome.at > datetime.now(UTC)
    assert queue.exchange("w", [], 1).leases == ()
    assert queue.stats().scheduled == 1


def test_a_job_that_fails_too_often_is_dead_with_its_bytes_and_the_reason(queue: Queue) -> None:
    queue.enqueue([Job("a", b"the bytes", 3)])
    states = [queue.retry(claim(queue), f"error {n}").state for n in (1, 2, 3)]
    assert states == [RetryState.SCHEDULED, RetryState.SCHEDULED, RetryState.DEAD]
    (letter,) = queue.dead_letters()
    assert (letter.id, letter.attempts, letter.crashes, letter.priority) == ("a", 3, 0, 3)
    assert letter.reason == "failed 3 times, last: error 3"
    assert letter.payload_bytes == 9
    assert abs((datetime.now(UTC) - letter.died_at).total_seconds()) < 60
    assert queue.dead_payload("a") == b"the bytes"


def test_a_job_that_is_not_worth_a_retry_is_buried_at_once(queue: Queue) -> None:
    queue.enqueue([Job("a", b"x")])
    lease = claim(queue)
    assert queue.bury(lease, "not a batch: truncated")
    (letter,) = queue.dead_letters()
    assert (letter.reason, letter.attempts) == ("not a batch: truncated", 1)
    assert queue.exchange("w", [], 1).leases == ()


def test_dead_letters_are_paged_from_the_oldest_death(queue: Queue) -> None:
    queue.enqueue([Job(str(n), b"") for n in range(5)])
    for lease in queue.exchange("w", [], 5).leases:
        queue.bury(lease, "of no use")
    assert [letter.id for letter in queue.dead_letters(1, 2)] == ["1", "2"]
    assert queue.dead_letters(5, 2) == []
    assert queue.dead_letters(0, 0) == []


def test_a_requeued_dead_job_begins_again_behind_the_others(queue: Queue) -> None:
    queue.enqueue([Job("a", b"x")])
    queue.retry(claim(queue), "once")
    queue.bury(claim(queue), "of no use")
    queue.enqueue([Job("b", b"y")])
    assert queue.requeue_dead(["a", "b", "unknown"]) == 1
    assert queue.dead_payload("a") is None
    leases = queue.exchange("w", [], 9).leases
    assert [(lease.id, lease.attempts, lease.crashes) for lease in leases] == [("b", 0, 0), ("a", 0, 0)]


def test_only_dead_jobs_are_purged_but_any_is_forgotten(queue: Queue) -> None:
    queue.enqueue([Job(each, b"x") for each in ("dead", "flying", "ready")])
    queue.bury(claim(queue), "of no use")
    flying = claim(queue)
    queue.enqueue([Job("scheduled", b"x")], delay_seconds=60)
    everything = ["dead", "flying", "ready", "scheduled", "unknown"]
    assert queue.purge_dead(everything) == 1
    assert queue.forget(everything) == 3
    assert queue.extend([flying]) == {"flying"}
    assert queue.exchange("w", [flying], 1).acknowledged == {"flying"}


def test_an_expired_lease_goes_to_another_worker_and_counts_as_a_crash(queue: Queue, client: redis.Redis) -> None:
    paused, current = given_away(queue, client, "a")
    assert (current.id, current.crashes, current.attempts) == ("a", 1, 0)
    assert current.token > paused.token


def test_a_job_that_kills_its_workers_is_dead_at_the_crash_cap(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job("poison", b"x"), Job("good", b"y")])
    queue.retry(claim(queue), "a failure is no crash")
    for crashes in range(3):
        leases = queue.exchange(f"w{crashes}", [], 9).leases
        lease = next(lease for lease in leases if lease.id == "poison")
        assert (lease.crashes, lease.attempts) == (crashes, 1)
        expire(queue, client, "poison")
    exchange = queue.exchange("w8", [], 9)
    assert exchange.died == {"poison"}
    assert exchange.leases == ()
    (letter,) = queue.dead_letters()
    assert (letter.crashes, letter.attempts) == (3, 1)
    assert letter.reason == "lost its worker 3 times, last w2: the lease ran out unrenewed"
    assert queue.exchange("w8", [], 9).died == frozenset()


def test_a_worker_that_wakes_after_its_lease_was_given_away_can_do_nothing(queue: Queue, client: redis.Redis) -> None:
    paused, current = given_away(queue, client, "a")
    exchange = queue.exchange("paused", [paused], 0)
    assert (exchange.acknowledged, exchange.stale) == (frozenset(), {"a"})
    assert queue.extend([paused]) == {"a"}
    assert queue.retry(paused, "late").state is RetryState.LOST
    assert queue.retry(paused, "late").at is None
    assert not queue.bury(paused, "late")
    assert not queue.set_progress(paused, 1, 2)
    queue.hand_back([paused])
    assert queue.progress("a") is None
    assert queue.stats().inflight == 1
    assert queue.exchange("other", [current], 0).acknowledged == {"a"}


def test_a_late_acknowledgement_of_a_job_that_waits_again_is_stale(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job("a", b"")])
    paused = claim(queue)
    expire(queue, client, "a")
    queue.exchange("other", [], 0)
    assert queue.stats().ready == 1
    assert queue.exchange("w", [paused], 0).stale == {"a"}
    assert claim(queue).id == "a"


def test_a_lease_that_ran_out_unnoticed_is_still_its_holders(queue: Queue, client: redis.Redis) -> None:
    queue.enqueue([Job("a", b""), Job("b", b"")])
    a, b = queue.exchange("w", [], 2).leases
    expire(queue, client, "a", "b")
    assert queue.extend([a]) == frozenset()
    assert queue.exchange("w", [b], 1).acknowledged == {"b"}
    assert queue.stats().inflight == 1


def test_jobs_handed_back_return_to_their_place_without_a_mark(queue: Queue) -> None:
    queue.enqueue([Job(each, b"") for each in "abc"])
    a, b = queue.exchange("w", [], 2).leases
    queue.hand_back([b, a])
    leases = queue.exchange("w2", [], 9).leases
    assert [(lease.id, lease.attempts, lease.crashes) for lease in leases] == [
        ("a", 0, 0),
        ("b", 0, 0),
        ("c", 0, 0),
    ]


def test_progress_is_told_while_a_job_is_held_and_ends_with_it(queue: Queue) -> None:
    queue.enqueue([Job("a", b"")])
    lease = claim(queue)
    assert queue.progress("a") is None
    assert queue.set_progress(lease, 3, 10)
    assert queue.progress("a") == Progress(3, 10)
    queue.exchange("w", [lease], 0)
    assert queue.progress("a") is None


@pytest.mark.parametrize("error", ["x" * 10_000, "naïve \ud800 bytes"])
def test_an_error_of_any_length_and_content_is_kept_in_part(queue: Queue, error: str) -> None:
    queue.enqueue([Job("a", b"")])
    queue.bury(claim(queue), error)
    assert len(queue.dead_letters()[0].reason) <= 2000
