"""Tasks that other programs leave in the inbox."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from dcp_pipeline.ledger.model import ObjectState, TaskState
from dcp_pipeline.queue import ForeignPipeline
from support.feed_server import FeedServer, basic
from support.fetching import Fetching, file_source, http_source
from support.waiting import wait_until

CSV = b"a,b\n1,2\n3,4\n5,6\n"


def left(**task: object) -> bytes:
    return json.dumps(task).encode()


def settled_run(fetching: Fetching, **spec: object) -> None:
    """A whole run, with a worker that settles whatever comes."""
    reports = []
    running = threading.Thread(target=lambda: reports.append(fetching.run(settle=True, **spec)))
    running.start()
    wait_until(lambda: (fetching.done.extend(fetching.work()), reports)[1], "it is settled")
    running.join(10)


def fetching_tasks(*sources: dict[str, object]) -> Fetching:
    fetching = Fetching(*sources)
    fetching.done = []  # type: ignore[attr-defined]
    return fetching


def test_a_task_is_registered_read_and_seen_through(feed: FeedServer) -> None:
    feed.put("listed.csv", CSV)
    url = feed.put("deep/task.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url, include=["listed*"]))
    fetching.inbox.waiting += [left(url=url, priority=7, id="mine"), left(url=url)]
    fetching.ledger.switch.calls.clear()
    settled_run(fetching)
    assert [task.state for task in fetching.ledger.tasks()] == [TaskState.DONE, TaskState.DONE]
    assert fetching.inbox.waiting == []
    told = fetching.inbox.told["mine"]
    assert (told["state"], told["records_cut"], told["records_settled"]) == ("done", 3, 3)
    assert fetching.inbox.expiring["mine"] == 168 * 3600
    done = {batch.id: batch.uri.rpartition("/")[2] for batch in fetching.done}  # some more than once on a slow machine
    assert sorted(done.values()) == ["listed.csv"] * 2 + ["task.csv"] * 2


def test_a_tasks_priority_goes_with_its_batches(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url, include=["none"]))
    fetching.inbox.waiting.append(left(url=url, priority=7))
    fetching.run()
    assert {job.priority for job in fetching.queue.jobs.values()} == {7}


def test_a_bad_task_is_kept_as_failed_and_blocks_nobody(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url, include=["none"]))
    fetching.inbox.waiting += [b"no json", b"no json", left(url="file:///etc/passwd"), left(url=url)]
    settled_run(fetching)
    *bad, good = fetching.ledger.tasks()
    assert [task.state for task in bad] == [TaskState.FAILED] * 3
    assert bad[0].raw == b"no json"
    assert "not JSON" in (bad[0].reason or "")
    assert "not below the path" in (bad[2].reason or "")
    assert good.state is TaskState.DONE


def test_the_same_bytes_again_are_one_task_while_it_is_open_and_a_new_one_after(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url, include=["none"]))
    fetching.inbox.waiting += [left(url=url), left(url=url)]
    settled_run(fetching)
    assert len(fetching.ledger.tasks()) == 1
    feed.put("a.csv", CSV + b"7,8\n")
    fetching.inbox.waiting.append(left(url=url))
    settled_run(fetching)
    assert [task.state for task in fetching.ledger.tasks()] == [TaskState.DONE] * 2
    assert len(fetching.done) == 4


def test_a_task_that_cannot_be_read_is_tried_again_and_then_failed(feed: FeedServer) -> None:
    url = feed.url + "missing.csv"
    fetching = fetching_tasks(http_source(feed.url))
    fetching.inbox.waiting.append(left(url=url))
    settled_run(fetching, worker={"maxAttempts": 2, "retryDelay": "10ms"})
    (task,) = fetching.ledger.tasks()
    assert task.state is TaskState.FAILED
    assert "there is no such file" in (task.reason or "")
    assert len(feed.requests("missing.csv")) == 2


def test_a_task_that_takes_too_long_times_out(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url, include=["none"]))
    fetching.inbox.waiting.append(left(url=url))
    settled_run(fetching, worker={"taskTimeout": "0ms"})
    assert fetching.ledger.tasks()[0].state is TaskState.TIMEOUT


def test_credentials_of_a_source_go_with_its_own_urls_only(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV)
    auth = {part: {"secretKeyRef": {"name": "feed", "key": part}} for part in ("username", "password")}
    fetching = fetching_tasks(
        http_source(feed.url + "none/", basicAuth=auth), http_source(feed.url, name="own", basicAuth=auth)
    )
    fetching.secrets = {"username": "me", "password": "word"}
    fetching.inbox.waiting += [left(url=url), left(url=url.replace("/feed/", "/other/"))]
    fetching.run(worker={"maxAttempts": 1})
    assert feed.requests("a.csv")[0].headers["Authorization"] == basic("me", "word")
    (strange,) = [asked for asked in feed.asked if asked.path == "/other/a.csv"]
    assert "Authorization" not in strange.headers


def test_files_are_read_only_below_a_source_of_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(CSV)
    fetching = fetching_tasks(file_source(tmp_path / "in", include=["none"]))
    fetching.inbox.waiting.append(left(url=(tmp_path / "in" / "a.csv").as_uri()))
    settled_run(fetching)
    assert fetching.ledger.tasks()[0].state is TaskState.DONE


def test_tasks_stay_in_the_list_while_the_queue_is_full(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url, include=["none"]))
    fetching.queue.extra_bytes = 1 << 30
    fetching.inbox.waiting += [left(url=url, id=str(n)) for n in range(20)]
    fetcher = fetching.fetcher()
    running = threading.Thread(target=lambda: asyncio.run(fetcher.run(once=False)))
    running.start()
    wait_until(lambda: fetching.queue.switch.calls.get("stats", 0) > 1, "it has looked")
    assert fetching.inbox.length() == 20
    fetching.queue.extra_bytes = 0
    wait_until(lambda: fetching.inbox.length() == 4, "as many as may be open are absorbed")
    assert len(fetching.ledger.open_tasks()) == 16
    fetcher.request_stop()
    running.join(10)


def test_a_fetcher_on_another_pipelines_queue_takes_no_task_and_reads_nothing(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url))
    fetching.inbox.waiting.append(left(url=url))
    fetching.queue.owner = "default/other"
    with pytest.raises(ForeignPipeline, match="belongs to pipeline default/other"):
        fetching.run()
    assert len(fetching.inbox.waiting) == 1
    assert (fetching.ledger.objects("feed"), fetching.queue.jobs) == ([], {})


def test_a_fetcher_whose_queue_becomes_anothers_ends_although_it_waits_for_room(feed: FeedServer) -> None:
    feed.put("a.csv", CSV)
    fetching = fetching_tasks(http_source(feed.url))
    fetching.queue.extra_bytes = 1 << 40
    fetcher, ended = fetching.fetcher(), threading.Event()

    def run() -> None:
        with pytest.raises(ExceptionGroup) as raised:
            asyncio.run(fetcher.run(once=False))
        assert raised.group_contains(ForeignPipeline)
        ended.set()

    running = threading.Thread(target=run)
    running.start()
    wait_until(lambda: bool(fetching.queue.jobs), "it reads, and waits")
    fetching.queue.owner = "default/other"
    try:
        assert ended.wait(20), "a thread that waits outlives the tasks"
    finally:
        fetcher.request_stop()
        running.join(10)
    assert [each.state for each in fetching.ledger.all_objects()] == [ObjectState.CUTTING]
