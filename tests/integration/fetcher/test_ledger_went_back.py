"""A database that forgets what it had committed, at any moment of a fetcher's run: read again from there, once."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from dcp_fetcher.objects.together import SMALL_BYTES
from dcp_pipeline.batch import digest_of
from dcp_pipeline.ledger.model import ObjectState, TaskState
from dcp_pipeline.observe.phases import Phase
from support.feed_server import FeedServer, gzipped
from support.fetching import Fetching, file_source, http_source
from support.waiting import wait_until

HEADER = b"a,b\n"
ROWS = b"".join(b"%06d,%s\n" % (n, b"z" * 40) for n in range(3_000))


def going_back(fetching: Fetching, phase: Phase, kept: int, forgotten: int):
    """An observer: what is committed after the `kept`-th time that a phase is reached is gone at the `forgotten`-th."""
    seen, snapshots = [], []

    def observe(reached: Phase, _: str) -> None:
        seen.append(reached)
        if reached is phase and seen.count(phase) == kept:
            snapshots.append(fetching.ledger.snapshot())
        if reached is phase and seen.count(phase) == forgotten:
            fetching.ledger.go_back(snapshots.pop())

    if kept == 0:
        snapshots.append(fetching.ledger.snapshot())
    return observe


def in_order(fetching: Fetching) -> bytes:
    """The bytes of all that the ledger has, cut by cut; each batch is of the digest that stands there."""
    jobs = {batch.id: batch for batch in fetching.queue.batches()}
    batches = [jobs[cut.batch_id] for cut in fetching.ledger.all_cuts()]
    assert [cut.digest for cut in fetching.ledger.all_cuts()] == [digest_of(batch.raw()) for batch in batches]
    assert all(batch.header == ("a", "b") for batch in batches)
    return b"".join(batch.raw() for batch in batches)


@pytest.mark.parametrize("growth", ["replace", "append"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("phase", "kept", "forgotten"),
    [(Phase.CUT, 4, 11), (Phase.CUT, 9, 10), (Phase.ENQUEUED, 5, 29), (Phase.ENQUEUED, 0, 30), (Phase.FETCHING, 1, 2)],
)
def test_cuts_that_are_gone_are_cut_again_and_nothing_stands_behind_a_gap(
    feed: FeedServer, growth: str, packed: bool, phase: Phase, kept: int, forgotten: int
) -> None:
    feed.put("a.csv", gzipped(HEADER + ROWS) if packed else HEADER + ROWS)
    fetching = Fetching(http_source(feed.url, growth=growth), max_records=100)
    assert fetching.run(going_back(fetching, phase, kept, forgotten)).problems == ()
    assert in_order(fetching) == ROWS
    [found] = fetching.ledger.objects("feed")
    assert (found.state, found.reason or "") == (ObjectState.CUT, "")


def test_an_object_that_is_forgotten_whole_is_found_by_a_run_that_ends(tmp_path: Path) -> None:
    for name in "abc":
        # The first two are recorded together, the third by itself: it is what is forgotten.
        value = b"1" if name != "c" else b"x" * SMALL_BYTES
        (tmp_path / f"{name}.csv").write_bytes(HEADER + name.encode() + b"," + value + b"\n")
    fetching = Fetching(file_source(tmp_path))
    done = []

    def observe(reached: Phase, _: str) -> None:
        done.append(reached)
        if done.count(Phase.ENQUEUED) == 2:
            snapshots.append(fetching.ledger.snapshot())

    snapshots: list[dict[str, object]] = []
    running = threading.Thread(target=lambda: done.append(fetching.run(observe, settle=True)))
    running.start()
    wait_until(lambda: fetching.ledger.closed == 3, "all is cut")
    fetching.ledger.go_back(snapshots[0])
    wait_until(lambda: (fetching.work(), not running.is_alive())[1], "what is pending is settled")
    assert len(fetching.ledger.objects("files")) == 3
    assert {each.state for each in fetching.ledger.objects("files")} == {ObjectState.CUT}


def test_a_fetcher_that_runs_for_ever_looks_at_once_not_when_the_interval_is_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + ROWS)
    fetching = Fetching(file_source(tmp_path, interval="1h"), max_records=1_000)
    empty = fetching.ledger.snapshot()
    fetcher = fetching.fetcher()
    running = threading.Thread(target=lambda: asyncio.run(fetcher.run(once=False)))
    running.start()
    wait_until(lambda: fetching.ledger.closed == 1, "it is cut")
    fetching.ledger.go_back(empty)
    wait_until(lambda: fetching.ledger.closed == 1, "it is cut again", within_seconds=60)
    fetcher.request_stop()
    running.join(30)
    assert in_order(fetching) == ROWS


def test_what_redis_loses_between_two_rounds_is_queued_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + ROWS)
    fetching = Fetching(file_source(tmp_path, interval="1h"), max_records=1_000)
    fetcher = fetching.fetcher()
    running = threading.Thread(target=lambda: asyncio.run(fetcher.run(once=False)))
    running.start()
    wait_until(lambda: fetching.ledger.closed == 1, "it is cut")
    first = fetching.ledger.all_cuts()[1].batch_id
    del fetching.queue.jobs[first]
    wait_until(lambda: first in fetching.queue.jobs, "it is queued again", within_seconds=60)
    fetcher.request_stop()
    running.join(30)
    assert in_order(fetching) == ROWS


def test_a_task_that_the_ledger_has_forgotten_is_done_again(feed: FeedServer) -> None:
    url = feed.put("deep/task.csv", HEADER + ROWS)
    feed.put("listed.csv", HEADER + b"1,2\n")
    fetching = Fetching(http_source(feed.url, include=["listed*"]), max_records=1_000)
    empty = fetching.ledger.snapshot()
    fetching.inbox.waiting += [json.dumps({"url": url, "id": "mine"}).encode(), json.dumps({"url": url}).encode()]
    fetching.run()
    assert len(fetching.ledger.tasks()) == 2
    fetching.ledger.go_back(empty)
    running = threading.Thread(target=lambda: fetching.run(settle=True))
    running.start()
    wait_until(lambda: (fetching.work(), not running.is_alive())[1], "what is pending is settled")
    assert {task.id: task.state for task in fetching.ledger.tasks()}.get("mine") is TaskState.DONE
    assert {task.state for task in fetching.ledger.tasks()} == {TaskState.DONE}
    assert {each.uri.rpartition("/")[2] for each in fetching.ledger.objects("feed")} == {"task.csv", "listed.csv"}
