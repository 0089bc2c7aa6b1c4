"""A Redis whose clock is set back by an hour: leases and delays last as long as they ever do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dcp_pipeline.queue import Job, Queue, RetryPolicy, RetryState
from support.redis_server import RunningServer, valkey_server
from support.waiting import wait_until

TRIES = RetryPolicy(max_attempts=3, max_crashes=5, base_delay_seconds=0.2)


@pytest.fixture(scope="module")
def lasting() -> Iterator[RunningServer]:
    """A server that keeps what it holds when it is started again: a Valkey, for libfaketime cannot deceive jemalloc."""
    with valkey_server(appendonly="yes", appendfsync="always") as running:
        yield running


@pytest.fixture
def clock_set_back(lasting: RunningServer) -> Iterator[Queue]:
    """A queue with a job in flight and one whose retry is due soon; then the clock is an hour behind."""
    queue = Queue(lasting.client(), "clocks", lease_seconds=0.5, policy=TRIES)
    queue.enqueue([Job("held", b"x"), Job("again", b"y")])
    _, again = queue.exchange("w1", [], 2).leases
    assert queue.retry(again, "busy").state is RetryState.SCHEDULED
    lasting.stop()
    lasting.start(clock_hours=-1)
    yield Queue(lasting.client(), "clocks", lease_seconds=0.5, policy=TRIES)
    lasting.client().flushall()
    lasting.restart()


def test_a_lease_ends_and_a_retry_is_due_as_if_the_clock_were_right(clock_set_back: Queue) -> None:
    queue, seen = clock_set_back, dict[str, int]()

    def both_come() -> bool:
        for lease in queue.exchange("w2", [], 2).leases:
            seen[lease.id] = lease.crashes
            queue.exchange("w2", [lease], 0)
        return len(seen) == 2

    wait_until(both_come, "the lease of w1 has run out and the retry is due", within_seconds=120)
    assert seen == {"held": 1, "again": 0}


def test_a_new_lease_is_no_longer_than_any(clock_set_back: Queue) -> None:
    queue = clock_set_back
    queue.enqueue([Job("new", b"z")])
    wait_until(lambda: any(each.id == "new" for each in queue.exchange("w3", [], 9).leases), "it is given out", 120)
    wait_until(lambda: any(each.id == "new" for each in queue.exchange("w4", [], 9).leases), "it is given again", 120)


def test_the_clock_may_be_put_right_again(clock_set_back: Queue, lasting: RunningServer) -> None:
    """A lease of half an hour would be over if the queue's time now jumped by the hour."""
    long = Queue(lasting.client(), "clocks", lease_seconds=1800, policy=TRIES)
    long.enqueue([Job("new", b"z", 1)])
    assert "new" in {each.id for each in long.exchange("w5", [], 1).leases}
    lasting.restart()
    again = Queue(lasting.client(), "clocks", lease_seconds=1800, policy=TRIES)
    assert "new" not in {each.id for each in again.exchange("w6", [], 9).leases}
    assert again.stats().oldest_age_seconds < 3000, "nothing is an hour old"
