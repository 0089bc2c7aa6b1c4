from __future__ import annotations

from collections.abc import Sequence

import redis

from dcp_pipeline.queue import Lease, LeaseKeeper
from support.waiting import wait_until


class FakeQueue:
    lease_seconds = 0.03

    def __init__(self) -> None:
        self.extended: list[list[str]] = []
        self.lost: frozenset[str] = frozenset()
        self.failures = 0

    def extend(self, leases: Sequence[Lease]) -> frozenset[str]:
        if self.failures:
            self.failures -= 1
            raise redis.ConnectionError("away")
        self.extended.append([lease.id for lease in leases])
        return self.lost


class Kept:
    """A keeper with a timeout of 300 s whose time is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.queue = FakeQueue()
        self.hung: list[str] = []
        self.lost: list[str] = []
        self.keeper = LeaseKeeper(
            self.queue,
            300,
            on_hung=lambda lease: self.hung.append(lease.id),
            on_lost=lambda lease: self.lost.append(lease.id),
            clock=lambda: self.now,
        )


def lease(job_id: str, token: int = 1) -> Lease:
    return Lease(job_id, b"", token, 0, 0, 100)


def test_what_was_added_and_not_removed_is_renewed() -> None:
    kept = Kept()
    for job_id in "abc":
        kept.keeper.add(lease(job_id))
    kept.keeper.remove(lease("b"))
    kept.keeper.run_once(10)
    assert kept.queue.extended == [["a", "c"]]


def test_nothing_is_asked_of_the_queue_when_nothing_is_kept() -> None:
    kept = Kept()
    kept.keeper.run_once(10)
    assert kept.queue.extended == []


def test_a_hung_batch_is_not_renewed_and_told_once() -> None:
    kept = Kept()
    kept.keeper.add(lease("old"))
    kept.now = 200
    kept.keeper.add(lease("young"))
    kept.keeper.run_once(299)
    kept.keeper.run_once(300)
    kept.keeper.run_once(310)
    assert kept.queue.extended == [["old", "young"], ["young"], ["young"]]
    assert kept.hung == ["old"]
    assert kept.lost == []


def test_a_lost_lease_is_told_once_and_left_alone() -> None:
    kept = Kept()
    kept.keeper.add(lease("a"))
    kept.queue.lost = frozenset({"a"})
    kept.keeper.run_once(1)
    kept.keeper.run_once(2)
    assert kept.lost == ["a"]
    assert kept.queue.extended == [["a"]]


def test_removing_an_older_lease_leaves_the_newer_one_of_the_same_job() -> None:
    kept = Kept()
    kept.keeper.add(lease("a", token=2))
    kept.keeper.remove(lease("a", token=1))
    kept.keeper.run_once(1)
    assert kept.queue.extended == [["a"]]


def test_the_thread_goes_on_renewing_after_redis_was_away() -> None:
    kept = Kept()
    kept.queue.failures = 2
    kept.keeper.add(lease("a"))
    kept.keeper.start()
    assert kept.keeper.alive
    wait_until(lambda: len(kept.queue.extended) >= 2, "the lease is renewed again")
    kept.keeper.stop()
    assert not kept.keeper.alive
    assert kept.lost == []
