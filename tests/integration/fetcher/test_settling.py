"""A last record without line end waits until its version has settled: over HTTP, from files, with --once."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from dcp_fetcher.objects import Outcome
from dcp_fetcher.settling import CONTINUED, CUT_OFF, HELD, UNENDED
from dcp_pipeline.ledger.model import ObjectState
from support.feed_server import FeedServer, gzipped
from support.fetching import Fetching, file_source, http_source

HALF, WHOLE = b"a,b\n1,100.50\n2,2", b"a,b\n1,100.50\n2,250000.75\n3,3\n"


@pytest.mark.parametrize("modified", [None, 3e9], ids=["no date", "changed just now"])
def test_over_http_it_waits_and_is_then_taken_as_it_is(feed: FeedServer, modified: float | None) -> None:
    feed.put("a.csv", HALF, modified=modified)
    fetching = Fetching(http_source(feed.url, settle="1h"))
    assert fetching.round().looks[0].outcome is Outcome.WAITING
    (held,) = fetching.ledger.all_objects()
    assert (held.state, (held.reason or "").startswith(HELD)) == (ObjectState.CUTTING, True)
    assert fetching.records() == b"1,100.50\n"
    fetching.sources[0]["http"]["settle"] = "1ms"
    assert fetching.run().problems == ()
    assert [batch.raw() for batch in fetching.queue.batches()] == [b"1,100.50\n", b"2,2"]
    assert fetching.ledger.all_objects()[0].reason == UNENDED


def test_what_its_server_says_is_old_is_read_at_once(feed: FeedServer) -> None:
    feed.put("a.csv", HALF, modified=1e9)
    fetching = Fetching(http_source(feed.url))
    assert fetching.round().looks[0].outcome is Outcome.CUT
    assert fetching.records() == b"1,100.50\n2,2"


@pytest.mark.parametrize("kind", ["http", "file"])
def test_what_was_taken_is_withdrawn_before_the_next_version_is_cut(
    feed: FeedServer, tmp_path: Path, kind: str
) -> None:
    def write(content: bytes) -> None:
        if kind == "http":
            feed.put("a.csv", content)
        else:
            (tmp_path / "a.csv").write_bytes(content)
            os.utime(tmp_path / "a.csv", (1e9, 1e9))

    fetching = Fetching(http_source(feed.url) if kind == "http" else file_source(tmp_path))
    write(HALF)
    fetching.round()
    (taken,) = fetching.queue.batches()
    write(WHOLE)
    look = fetching.round().looks[0]
    assert (look.outcome, len(fetching.queue.jobs)) == (Outcome.WAITING, 1), (
        "the half record is on its way to the table"
    )
    fetching.work()
    assert fetching.round().looks[0].outcome is Outcome.CUT
    assert fetching.ledger.withdrawn == [(taken.id, 2)]
    assert fetching.records() == WHOLE.partition(b"\n")[2]
    assert [each.reason or "" for each in fetching.ledger.all_objects()] == [CONTINUED, ""]


def test_another_file_in_its_place_withdraws_nothing(feed: FeedServer) -> None:
    fetching = Fetching(http_source(feed.url))
    feed.put("a.csv", HALF)
    fetching.round()
    fetching.work()
    feed.put("a.csv", b"a,b\n7,7\n8,8\n9,9\n10,10\n11,11\n")
    fetching.round()
    assert fetching.ledger.withdrawn == []


def test_a_half_packed_file_waits_and_the_whole_one_makes_it_history(tmp_path: Path) -> None:
    packed = gzipped(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(5_000)))
    (tmp_path / "a.gz").write_bytes(packed[: len(packed) // 2])
    fetching = Fetching(file_source(tmp_path, settle="1h"), max_records=10_000)
    assert fetching.round().looks[0].outcome is Outcome.WAITING
    assert (fetching.ledger.all_objects()[0].reason or "").startswith(CUT_OFF)
    fetching.sources[0]["file"]["settle"] = "1ms"
    report = fetching.run()
    assert [each.state for each in fetching.ledger.all_objects()] == [ObjectState.UNAVAILABLE]
    assert report.problems
    fetching.work()
    (tmp_path / "a.gz").write_bytes(packed)
    assert fetching.run().problems == ()
    old, new = fetching.ledger.all_objects()
    assert old.state is not ObjectState.UNAVAILABLE
    assert new.state is ObjectState.CUT


def test_once_does_not_wait_for_ever_and_says_what_is_still_being_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HALF)
    fetching = Fetching(file_source(tmp_path, settle="700ms"))
    over = threading.Event()

    def write_on() -> None:
        while not over.wait(0.02):
            with (tmp_path / "a.csv").open("ab") as half:
                half.write(b"2")

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        (problem,) = fetching.run().problems
    finally:
        over.set()
        writer.join()
    assert "waits for the line end" in problem
