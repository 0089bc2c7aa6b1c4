"""growth: append. Only the new bytes are read; truncation, rotation and replacement are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcp_fetcher.objects import Outcome
from dcp_pipeline.ledger.model import ObjectState
from support.feed_server import FeedServer, gzipped
from support.fetching import Fetching, file_source, http_source

HEADER = b"a,b\n"


def rows(start: int, count: int) -> bytes:
    return b"".join(b"%05d,%s\n" % (n, b"x" * 50) for n in range(start, start + count))


@pytest.fixture
def growing(feed: FeedServer) -> Fetching:
    return Fetching(http_source(feed.url, growth="append"), max_records=100)


def test_only_what_is_new_is_read_and_the_unterminated_record_waits(feed: FeedServer, growing: Fetching) -> None:
    feed.put("log.csv", HEADER + rows(0, 250) + b"00250,unfin")
    growing.round()
    assert growing.records() == rows(0, 250)
    growing.work()
    sent = feed.sent_bytes
    feed.append("log.csv", b"ished\n" + rows(251, 9))
    growing.round()
    (batch,) = growing.work()
    assert batch.raw() == b"00250,unfinished\n" + rows(251, 9)
    assert (batch.sequence, batch.first_record, batch.first_line) == (3, 251, 252)
    assert feed.sent_bytes - sent < len(rows(0, 100))
    (object_,) = growing.ledger.all_objects()
    assert object_.state is ObjectState.CUT
    assert growing.round().looks[0].outcome is Outcome.UNCHANGED


def test_a_log_without_a_whole_record_yet_waits(feed: FeedServer, growing: Fetching) -> None:
    feed.put("log.csv", b"a")
    growing.round()
    feed.append("log.csv", b",b\n1,")
    growing.round()
    assert growing.queue.jobs == {}
    feed.append("log.csv", b"2\n")
    growing.round()
    assert growing.records() == b"1,2\n"


@pytest.mark.parametrize("packed", [False, True])
def test_where_ranges_do_not_help_it_reads_along_and_skips(feed: FeedServer, growing: Fetching, packed: bool) -> None:
    def served(content: bytes) -> bytes:
        return gzipped(content) if packed else content

    feed.put("log.csv", served(HEADER + rows(0, 150)), ranges=packed)
    growing.round()
    feed.put("log.csv", served(HEADER + rows(0, 151)), ranges=packed, modified=2e9)
    growing.round()
    assert growing.records() == rows(0, 151)
    assert len(growing.ledger.all_objects()) == 1


@pytest.mark.parametrize(
    "after",
    [HEADER + rows(500, 20), HEADER + rows(500, 900), b"bb,a\n" + rows(0, 250)],
    ids=["shorter", "longer", "header"],
)
def test_truncation_and_rotation_begin_a_new_generation(feed: FeedServer, growing: Fetching, after: bytes) -> None:
    feed.put("log.csv", HEADER + rows(0, 250))
    growing.round()
    growing.work()
    feed.put("log.csv", after)
    growing.round()
    old, new = growing.ledger.all_objects()
    assert (old.state, new.state) == (ObjectState.CUT, ObjectState.CUT)
    assert growing.records() == after.partition(b"\n")[2]
    assert (old.version.split(":")[1], new.version.split(":")[1]) == ("1", "2")


def test_a_wiped_queue_is_filled_again_from_a_growing_file(feed: FeedServer, growing: Fetching) -> None:
    feed.put("log.csv", HEADER + rows(0, 250))
    growing.round()
    growing.queue.flush()
    feed.append("log.csv", rows(250, 10))
    growing.round()
    assert growing.records() == rows(0, 260)
    assert [batch.records for batch in growing.queue.batches()] == [100, 100, 50, 10]


def test_files_grow_and_rotate_too(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER + rows(0, 10) + b"0")
    growing = Fetching(file_source(tmp_path, growth="append"), max_records=100)
    growing.round()
    with path.open("ab") as log:
        log.write(b"0010,y\n")
    growing.round()
    assert growing.records() == rows(0, 10) + b"00010,y\n"
    assert growing.round().looks[0].outcome is Outcome.UNCHANGED
    growing.work()
    path.rename(tmp_path / "rotated")
    path.write_bytes(HEADER + rows(900, 1))
    growing.sources[0]["file"]["include"] = ["*.csv"]
    growing.round()
    assert growing.records() == rows(900, 1)
    assert len(growing.ledger.all_objects()) == 2
