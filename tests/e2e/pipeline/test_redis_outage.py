"""Redis' port closed for a minute while work waits: the floor of workers holds, and all goes on when it is back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcp_pipeline.observe.scaling_note import ScalingNote, read_note
from e2e.support.botnet import Document
from e2e.support.outage import redis_closed
from e2e.support.stage import Stage, wait_for
from e2e.support.timed_items import Items, items_of, prepare, slow_pipeline

CLOSED_SECONDS = 60.0
FLOOR = 2
SCALING = {"minReplicas": 0, "maxReplicas": 4, "backlogPerWorker": 20, "fallback": {"replicas": FLOOR}}


@pytest.fixture(scope="module")
def document(stage: Stage) -> Document:
    prepare(stage)
    document = slow_pipeline(stage.kube.namespace, SCALING)
    stage.start(document)
    return document


@pytest.fixture
def items(stage: Stage, document: Document) -> Iterator[Items]:
    with items_of(stage, document) as items:
        yield items


def held_while_closed(stage: Stage, since: float) -> list[int | None]:
    """Every number of workers that was seen until the minute was over, without repetitions."""
    seen: list[int | None] = []

    def over() -> bool:
        now = stage.replicas()
        if not seen or seen[-1] != now:
            seen.append(now)
        return time.monotonic() - since >= CLOSED_SECONDS

    wait_for(over, "the minute to be over", CLOSED_SECONDS + 30)
    return seen


def goes_on(stage: Stage, items: Items) -> None:
    """The scaler decides by the queue again, and everything is worked off."""
    since = time.monotonic()

    def note() -> ScalingNote | None:
        found = read_note(items.client, items.queue.name)
        return found if found and found.cause != "QueueUnreachable" and found.at > reopened else None

    reopened = time.time()
    wait_for(note, "a decision by the queue", 30)
    print(f"decided by the queue again {time.monotonic() - since:.1f} s after the port was open")
    wait_for(lambda: items.queue.stats().backlog == 0, "all batches to be done", 120)
    wait_for(lambda: stage.replicas() == 0, "no worker", 90)
    assert items.queue.stats().dead == 0


def test_with_work_waiting_at_no_replicas_the_floor_comes_up_and_stays(stage: Stage, items: Items) -> None:
    wait_for(lambda: stage.replicas() == 0, "no worker", 60)
    # Nobody may see the work before the port is closed: so there is no operator meanwhile.
    stage.run_operators(0)
    items.put([1.0] * 10)
    with redis_closed(stage.kube, items.client):
        since = time.monotonic()
        stage.run_operators(1)
        wait_for(lambda: stage.replicas() == FLOOR, "the floor", 60)
        assert held_while_closed(stage, since) == [FLOOR]
        assert stage.condition("ScalingActive")["reason"] == "QueueUnreachable"
    goes_on(stage, items)


def test_with_work_waiting_at_two_replicas_they_stay(
    stage: Stage, items: Items, document: Document, tmp_path: Path
) -> None:
    items.put([1.0] * 40)
    wait_for(lambda: len(stage.ready_workers()) == FLOOR, "two workers", 90)
    with redis_closed(stage.kube, items.client):
        assert held_while_closed(stage, time.monotonic()) == [FLOOR]
    goes_on(stage, items)
    told = stage.dcp("status", document, tmp_path)["scaling"]
    assert (told["replicas"], told["cause"]) == (0, "QueueEmpty")
