"""Stopped, wiped and cut off in every place: what is recorded stays, nothing is lost and nothing is cut twice."""

from __future__ import annotations

import asyncio
import io
import threading
import zipfile
from pathlib import Path

import pytest

from dcp_fetcher.loop import FetcherLoop
from dcp_fetcher.objects import Outcome
from dcp_fetcher.publishing.publish import GROUP_BATCHES
from dcp_pipeline.ledger.model import BatchState, ObjectState
from dcp_pipeline.observe.phases import Phase
from support.feed_server import FeedServer, gzipped
from support.fetching import Fetching, file_source, http_source
from support.waiting import wait_until

HEADER = b"a,b\n"
ROWS = b"".join(b'%06d,"x%s\ny"\n' % (n, b"z" * 40) for n in range(3_000))
BIG = b"".join(b"%06d,%s\n" % (n, b"x" * 90) for n in range(40_000))


FIELDS = (
    b"#Fields: date b a sc-status\n2024 /a 192.0.2.1 200\n2024 /b 192.0.2.2 404\n",
    b"#Fields: a sc-status b\n192.0.2.3 200 /c\n192.0.2.4 many /d\n",
    b"#Software: IIS\n#Fields: sc-status a b\n200 192.0.2.5 /e\n",
)
W3C = {"type": "csv", "delimiter": " ", "commentChar": "#", "commentedHeader": True}


class Killed(GeneratorExit):
    """Ends a fetcher where it stands."""


def kill_at(phase: Phase, number: int):
    """An observer that ends the run when a phase is reached for the n-th time."""
    seen = []

    def observe(reached: Phase, batch_id: str) -> None:
        seen.append(reached)
        if seen.count(phase) == number:
            raise Killed

    return observe


def killed_run(fetching: Fetching, observer, **changes) -> None:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        fetching.run(observer, **changes)
    assert caught.group_contains(Killed) or isinstance(caught.value, Killed)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("phase", "number"), [(Phase.CUT, 1), (Phase.CUT, 9), (Phase.ENQUEUED, 3), (Phase.ENQUEUED, 20)]
)
def test_killed_anywhere_it_goes_on_behind_what_is_recorded(
    feed: FeedServer, packed: bool, phase: Phase, number: int
) -> None:
    feed.put("a.csv", gzipped(HEADER + ROWS) if packed else HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=100)
    killed_run(fetching, kill_at(phase, number))
    before = fetching.ledger.all_cuts()
    assert fetching.run().problems == ()
    after = fetching.ledger.all_cuts()
    assert after[: len(before)] == before
    assert b"".join(batch.raw() for batch in sorted(fetching.queue.batches(), key=lambda each: each.sequence)) == ROWS
    assert [(cut.first_record, cut.first_line) for cut in after] == [(100 * n + 1, 200 * n + 2) for n in range(30)]


def test_what_is_recorded_is_not_cut_again_when_the_settings_change(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=100)
    killed_run(fetching, kill_at(Phase.CUT, 8))
    fetching.max_records = 1_000
    fetching.run()
    assert [cut.records for cut in fetching.ledger.all_cuts()] == [100] * 8 + [1_000, 1_000, 200]
    assert fetching.records() == ROWS


@pytest.mark.parametrize("ranges", [True, False])
def test_a_wiped_queue_is_filled_again_with_what_is_not_settled(feed: FeedServer, ranges: bool) -> None:
    feed.put("a.csv", HEADER + BIG, ranges=ranges)
    fetching = Fetching(http_source(feed.url), max_records=1_000)
    fetching.run()
    batches = fetching.queue.batches()
    fetching.ledger.done([batch.id for batch in batches[:30]])
    fetching.queue.flush()
    assert fetching.run().problems == ()
    assert [batch.id for batch in fetching.queue.batches()] == [batch.id for batch in batches[30:]]
    assert fetching.queue.batches() == batches[30:]
    if ranges:
        assert feed.requests("a.csv")[-1].headers["Range"] == f"bytes={batches[30].start}-"


def test_redis_wiped_while_an_object_is_cut_loses_nothing(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=100)

    wiped, reports = [], []

    def wipe(phase: Phase, batch_id: str) -> None:
        if phase is Phase.ENQUEUED and len(fetching.queue.jobs) == 16 and not wiped:
            wiped.append(batch_id)
            fetching.queue.flush()

    running = threading.Thread(target=lambda: reports.append(fetching.run(wipe, settle=True)))
    running.start()
    wait_until(lambda: fetching.work() is not None and reports, "all is settled")
    running.join(10)
    assert wiped
    assert reports[0].problems == ()
    assert {cut.state for cut in fetching.ledger.all_cuts()} == {BatchState.DONE}


def test_dead_batches_are_never_enqueued_again(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=1_000)
    fetching.run()
    dead = fetching.queue.batches()[1].id
    fetching.ledger.mark_dead(dead, "poison", 3)
    fetching.queue.flush()
    fetching.run()
    assert len(fetching.queue.jobs) == 2
    assert dead not in fetching.queue.jobs


def test_a_vanished_object_is_unavailable_with_its_missing_ranges_named(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    feed.put("b.csv", HEADER + b"1,2\n")
    fetching = Fetching(http_source(feed.url, exclude=["b*"]), max_records=1_000)
    killed_run(fetching, kill_at(Phase.ENQUEUED, 3))
    cuts = fetching.ledger.all_cuts()
    fetching.ledger.done([cuts[0].batch_id])
    fetching.queue.flush()
    del feed.files["a.csv"]
    report = fetching.run()
    (vanished,) = fetching.ledger.all_objects()
    assert vanished.state is ObjectState.UNAVAILABLE
    assert vanished.reason is not None
    assert vanished.reason.startswith("no longer served: ")
    assert f"missing: bytes {cuts[1].start}-{cuts[2].end} (2000 records)" in vanished.reason
    assert [cut.state for cut in fetching.ledger.all_cuts()] == [BatchState.DONE, BatchState.DEAD, BatchState.DEAD]
    assert [look.outcome for look in report.rounds[0].looks] == [Outcome.UNAVAILABLE]
    assert fetching.run().problems == ()


def test_an_object_that_comes_back_is_read_to_its_end(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=100)
    killed_run(fetching, kill_at(Phase.ENQUEUED, 8))
    served = feed.files.pop("a.csv")
    fetching.run()
    feed.files["a.csv"] = served
    fetching.run()
    (back,) = fetching.ledger.all_objects()
    assert back.state is ObjectState.CUT
    assert not back.reason
    assert fetching.records() == ROWS


def test_what_was_given_up_with_an_object_is_read_again_when_it_comes_back(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=1_000)
    fetching.run()
    done, lost, poison = fetching.ledger.all_cuts()
    fetching.ledger.done([done.batch_id])
    fetching.ledger.mark_dead(poison.batch_id, "failed 3 times", 3)
    fetching.queue.flush()
    served = feed.files.pop("a.csv")
    fetching.run()
    assert [cut.state for cut in fetching.ledger.all_cuts()] == [BatchState.DONE, BatchState.DEAD, BatchState.DEAD]
    feed.files["a.csv"] = served
    fetching.run()
    assert [cut.state for cut in fetching.ledger.all_cuts()] == [BatchState.DONE, BatchState.CUT, BatchState.DEAD]
    assert list(fetching.queue.jobs) == [lost.batch_id]


def test_a_version_that_is_served_again_after_another_one_is_read_to_its_end(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=100)
    killed_run(fetching, kill_at(Phase.ENQUEUED, 8))
    first = feed.files["a.csv"]
    feed.put("a.csv", HEADER + b"1,2\n")
    fetching.run()
    assert [each.state for each in fetching.ledger.all_objects()] == [ObjectState.UNAVAILABLE, ObjectState.CUT]
    feed.files["a.csv"] = first
    fetching.run()
    assert [each.state for each in fetching.ledger.all_objects()] == [ObjectState.CUT, ObjectState.CUT]
    assert sum(cut.records for cut in fetching.ledger.all_cuts()) == 3_000 + 1


def test_other_bytes_under_the_same_token_make_a_new_version(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=1_000)
    killed_run(fetching, kill_at(Phase.CUT, 2))
    feed.files["a.csv"].content = HEADER + ROWS.replace(b"z", b"w")
    fetching.run()
    old, new = fetching.ledger.all_objects()
    assert (old.state, new.state) == (ObjectState.UNAVAILABLE, ObjectState.CUT)
    assert new.version == old.version + "#2"
    assert "other bytes came under its version" in (old.reason or "")
    assert fetching.records(lambda batch: batch.object_id == new.id) == ROWS.replace(b"z", b"w")
    assert fetching.run().problems == ()
    assert len(fetching.ledger.all_objects()) == 2


def test_a_file_that_was_replaced_before_it_was_read_whole_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + ROWS)
    fetching = Fetching(file_source(tmp_path), max_records=1_000)
    killed_run(fetching, kill_at(Phase.ENQUEUED, 2))
    path.write_bytes(HEADER + b"9,9\n")
    fetching.run()
    old, new = fetching.ledger.all_objects()
    assert old.state is ObjectState.UNAVAILABLE
    assert "another version is served in its place" in (old.reason or "")
    assert new.state is ObjectState.CUT


@pytest.mark.parametrize("which", ["ledger", "queue"])
def test_it_waits_while_a_server_is_away_and_stops_at_once_when_asked(feed: FeedServer, which: str) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=100)
    switch = getattr(fetching, which).switch

    def away(phase: Phase, batch_id: str) -> None:
        if phase is Phase.CUT and len(fetching.ledger.commits) == 1:
            switch.away = True

    fetcher, reports = fetching.fetcher(away), []
    running = threading.Thread(target=lambda: reports.append(asyncio.run(fetcher.run(once=True))))
    running.start()
    wait_until(lambda: fetcher.progress.snapshot().away, "it waits")
    switch.away = False
    running.join(30)
    assert reports[0].problems == ()
    assert fetching.records() == ROWS
    switch.away = True
    fetcher = fetching.fetcher()
    running = threading.Thread(target=lambda: reports.append(asyncio.run(fetcher.run(once=True))))
    feed.put("b.csv", HEADER + ROWS)
    running.start()
    wait_until(lambda: fetcher.progress.snapshot().away, "it waits again")
    fetcher.request_stop()
    running.join(10)
    assert not running.is_alive()
    assert reports[1].stopped


def test_it_reads_no_further_while_the_queue_is_full(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url), max_records=100)
    fetching.queue.extra_bytes = 1 << 30
    fetcher, reports = fetching.fetcher(), []
    running = threading.Thread(target=lambda: reports.append(asyncio.run(fetcher.run(once=True))))
    running.start()
    wait_until(lambda: "queue.maxBytes" in (fetcher.progress.snapshot().waiting_for or ""), "it waits for room")
    assert len(fetching.queue.jobs) == GROUP_BATCHES
    fetching.queue.extra_bytes = 0
    running.join(30)
    assert reports[0].problems == ()
    assert fetching.records() == ROWS


def test_a_stop_in_mid_stream_ends_at_once_and_loses_nothing(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + BIG)
    feed.fail("a.csv", stall_after=2_000_000)
    fetching = Fetching(http_source(feed.url), max_records=1_000)
    fetcher, reports = fetching.fetcher(), []
    running = threading.Thread(target=lambda: reports.append(asyncio.run(fetcher.run(once=True))))
    running.start()
    wait_until(lambda: len(fetching.queue.jobs) == 20, "what came is cut and enqueued though the stream pauses")
    fetcher.request_stop()
    running.join(10)
    assert reports[0].stopped
    feed.release()
    assert fetching.run().problems == ()
    assert fetching.records() == BIG


@pytest.mark.parametrize("kept_on_disk", [False, True], ids=["streamed", "spooled"])
def test_a_stop_is_heard_in_an_archive_of_which_nothing_comes(
    feed: FeedServer, tmp_path: Path, kept_on_disk: bool
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(12_000):
            archive.writestr(zipfile.ZipInfo(f"{number:0100}.csv"), b"")
    (tmp_path / "empty.zip").write_bytes(packed.getvalue())
    feed.put("empty.zip", packed.getvalue(), etag=False, modified=None)
    source = http_source(feed.url) if kept_on_disk else file_source(tmp_path / "empty.zip")
    fetching, looked, fetchers = Fetching(source), list[str](), list[FetcherLoop]()

    def stop_at_the_first_bytes(phase: Phase, _: str) -> None:
        if phase is Phase.FETCHING:
            looked.append(phase)
            fetchers[0].request_stop()

    fetchers.append(fetching.fetcher(stop_at_the_first_bytes, spool_folder=tmp_path))
    report = asyncio.run(fetchers[0].run(once=True))
    assert report.stopped
    assert len(looked) == 1
    fetched = fetching.run().problems
    assert fetched == ()


def test_for_ever_means_every_interval_until_it_is_stopped(feed: FeedServer) -> None:
    feed.put("a.csv", HEADER + ROWS)
    fetching = Fetching(http_source(feed.url, interval="50ms"), max_records=1_000)
    fetcher, reports = fetching.fetcher(), []
    running = threading.Thread(target=lambda: reports.append(asyncio.run(fetcher.run(once=False))))
    running.start()
    wait_until(lambda: len(fetching.queue.jobs) == 3, "the first file is cut")
    fetching.queue.flush()
    feed.put("b.csv", HEADER + ROWS)
    wait_until(lambda: len(fetching.queue.jobs) == 6, "the second is cut, what was wiped is back")
    fetcher.request_stop()
    running.join(10)
    assert reports[0].stopped


def test_a_batch_that_the_queue_lost_comes_again_with_its_own_labels(feed: FeedServer) -> None:
    feed.put("a.log", b"".join(FIELDS))
    fetching = Fetching(http_source(feed.url, format=W3C), max_records=1)
    fetching.run()
    batches = fetching.queue.batches()
    assert [batch.header for batch in sorted(batches, key=lambda each: each.sequence)] == [
        *[("date", "b", "a", "sc-status")] * 2,
        *[("a", "sc-status", "b")] * 2,
        ("sc-status", "a", "b"),
    ]
    fetching.queue.flush()
    assert fetching.run().problems == ()
    assert fetching.queue.batches() == batches
