"""What is dead in the queue and in the ledger is made the same, whichever of them went back or was told first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from dcp_pipeline.database.engine import connect
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import BatchState, Cut, SourceObject
from dcp_pipeline.queue import Job, Queue
from dcp_worker.chores import Undertaker
from support.databases import PIPELINE
from support.redis_server import valkey_server

OPENED = SourceObject("a" * 32, PIPELINE, "s", "u", "v", "r")
IDS = [f"{number:032x}" for number in range(4)]


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    with valkey_server() as running:
        yield running.client()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    engine = connect(f"sqlite:///{tmp_path}/clean.db")
    ledger = Ledger(engine, PIPELINE)
    ledger.prepare()
    ledger.open_object(OPENED)
    cuts = [Cut(IDS[n], n, n * 10, n * 10 + 10, 1, n + 1, n + 1, "d" * 32) for n in range(len(IDS))]
    ledger.record_cuts(OPENED.id, cuts)
    yield ledger
    engine.dispose()


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue(client, f"test.{uuid4().hex}", pipeline=PIPELINE)


def bury(queue: Queue, *ids: str) -> None:
    queue.enqueue([Job(each, each.encode(), pipeline=PIPELINE) for each in ids])
    for lease in queue.exchange("w", [], len(ids)).leases:
        queue.bury(lease, "of no use")


def states(ledger: Ledger) -> list[BatchState]:
    return [each.state for each in ledger.cuts(OPENED.id)]


def dead_in(queue: Queue) -> list[str]:
    return sorted(each.id for each in queue.dead_letters())


def test_a_death_that_only_the_queue_knows_is_recorded_once(ledger: Ledger, queue: Queue) -> None:
    bury(queue, IDS[1])
    undertaker = Undertaker(queue, ledger)
    assert (undertaker.run_once(), undertaker.run_once()) == (1, 0)
    assert [each.batch_id for each in ledger.dead_batches()] == [IDS[1]]


def test_a_ledger_that_forgot_the_death_is_told_again(ledger: Ledger, queue: Queue) -> None:
    bury(queue, IDS[1])
    undertaker = Undertaker(queue, ledger)
    undertaker.run_once()
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dcp_batches SET state = 'cut', reason = NULL")
    assert sum(undertaker.run_once() for _ in range(20)) == 1
    assert states(ledger)[1] is BatchState.DEAD


@pytest.mark.parametrize("killed_after", ["ledger", "queue"])
def test_a_requeue_that_was_killed_half_way_is_carried_out(ledger: Ledger, queue: Queue, killed_after: str) -> None:
    bury(queue, *IDS[:2])
    Undertaker(queue, ledger).run_once()
    assert ledger.revive(IDS[:2]) == 2
    assert sorted(ledger.requeueing()) == IDS[:2]
    if killed_after == "queue":
        queue.requeue_dead(IDS[:2])
        ledger.requeued(IDS[:1])
    assert Undertaker(queue, ledger).run_once() == 0
    assert dead_in(queue) == []
    assert states(ledger) == [BatchState.CUT] * 4
    assert {each.id for each in queue.exchange("w", [], 9).leases} == set(IDS[:2])


def test_what_an_older_queue_has_as_dead_and_the_ledger_as_done_or_unknown_is_dropped(
    ledger: Ledger, queue: Queue
) -> None:
    bury(queue, IDS[0], "f" * 32, IDS[2])
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE dcp_batches SET state = 'done' WHERE id = '{IDS[0]}'")
    assert Undertaker(queue, ledger).run_once() == 1
    assert dead_in(queue) == [IDS[2]]
    assert states(ledger) == [BatchState.DONE, BatchState.CUT, BatchState.DEAD, BatchState.CUT]


def test_another_pipelines_dead_are_left_alone(ledger: Ledger, client: redis.Redis) -> None:
    other = Queue(client, f"test.{uuid4().hex}", pipeline="default/other")
    other.enqueue([Job("x", b"x", pipeline="default/other")])
    for lease in other.exchange("w", [], 1).leases:
        other.bury(lease, "of no use")
    assert Undertaker(other, ledger).run_once() == 0
    assert dead_in(other) == ["x"]
