"""Downloads that drip: whoever else has something to read goes on meanwhile, and the drip ends."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcp_fetcher.sites.http import drip
from dcp_pipeline.ledger.model import TaskState
from support.fetching import Fetching, file_source, http_source
from support.odd_server import Ask, OddServer, answer, odd_server
from support.waiting import wait_until

CSV = b"a,b\n1,x\n"
LONG = b"a,b\n" + b"".join(b"%06d,%s\n" % (number, b"y" * 40) for number in range(4_000))
DRIPPING = ("drip-1.csv", "drip-2.csv")


@pytest.fixture
def dripping() -> Iterator[OddServer]:
    """Two files that come byte by byte for ever, and one that is whole."""
    over = threading.Event()

    def drops() -> Iterator[bytes]:
        yield answer(200, length=False, Content_Length="1000000", ETag='"1"') + b"a,b\n"
        while not over.wait(0.05):
            yield b"z"

    def respond(ask: Ask) -> bytes | Iterator[bytes]:
        name = ask.path.rpartition("/")[2]
        if not name:
            return answer(200, json.dumps([*DRIPPING, "whole.csv"]).encode())
        return drops() if name in DRIPPING else answer(200, LONG, ETag='"2"')

    with odd_server(respond) as server:
        yield server
        over.set()


def names(fetching: Fetching) -> set[str]:
    return {each.uri.rpartition("/")[2] for each in fetching.ledger.all_objects() if each.state.value == "cut"}


def test_two_downloads_that_drip_stop_no_other_source_and_no_task(dripping: OddServer, tmp_path: Path) -> None:
    for name in ("listed.csv", "task.csv"):
        (tmp_path / name).write_bytes(CSV)
    sources = http_source(dripping.url, listing={}), file_source(tmp_path, include=["listed*"])
    fetching = Fetching(*sources, max_records=10_000)
    fetcher = fetching.fetcher()
    running = threading.Thread(target=lambda: asyncio.run(fetcher.run(once=False)))
    running.start()
    try:
        asked = lambda: {each.path.rpartition("/")[2] for each in dripping.asks}  # noqa: E731
        wait_until(lambda: asked() >= set(DRIPPING), "both drip", within_seconds=60)
        task = {"url": (tmp_path / "task.csv").as_uri(), "id": "mine"}
        fetching.inbox.waiting.append(json.dumps(task).encode())

        def done() -> bool:
            fetching.work()
            found = fetching.ledger.task("mine")
            return found is not None and found.state is TaskState.DONE

        wait_until(done, "the task is done", within_seconds=120)
        wait_until(lambda: names(fetching) >= {"listed.csv", "task.csv"}, "the other source is read", 120)
    finally:
        fetcher.request_stop()
        running.join(60)
    assert not running.is_alive()


def test_a_drip_is_given_up_and_what_stands_behind_it_is_read(
    dripping: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drip, "WINDOW_SECONDS", 2.0)
    fetching = Fetching(http_source(dripping.url, listing={}), max_records=10_000)
    problems = fetching.run().problems
    assert names(fetching) == {"whole.csv"}
    assert fetching.records() == LONG.partition(b"\n")[2]
    assert len(problems) == len(DRIPPING)
    assert all("it drips" in each for each in problems)
