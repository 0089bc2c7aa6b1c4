"""What lies beside data or behind it: left out, told, and no failure for ever."""

from __future__ import annotations

import io
import logging
import zipfile
from pathlib import Path

import pytest

from dcp_pipeline.ledger.model import ObjectState
from support.feed_server import FeedServer, gzipped
from support.fetching import Fetching, file_source, http_source

CSV = b"a,b\n1,2\n3,4\n"
RECORDS = b"1,2\n3,4\n"


def states(fetching: Fetching) -> dict[str, ObjectState]:
    return {each.uri.rpartition("/")[2]: each.state for each in fetching.ledger.all_objects()}


def test_what_editors_leave_is_not_read_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.csv", "~$a.csv", ".a.csv.swp", "b.csv.part", "Thumbs.db"):
        (tmp_path / name).write_bytes(CSV if name == "a.csv" else b"\0\1\2")
    fetching = Fetching(file_source(tmp_path), max_records=10)
    with caplog.at_level(logging.INFO):
        assert fetching.run().problems == ()
    assert set(states(fetching)) == {"a.csv"}
    (said,) = [each.getMessage() for each in caplog.records if "left out" in each.getMessage()]
    assert said.startswith("4 files are left out")
    assert "~$a.csv" in said


def test_nor_is_it_in_a_listing_unless_it_is_asked_for(feed: FeedServer) -> None:
    for name in ("a.csv", "~$a.csv", "a.csv.part"):
        feed.put(name, CSV)
    fetching = Fetching(http_source(feed.url), max_records=10)
    fetching.run()
    assert set(states(fetching)) == {"a.csv"}
    asked = Fetching(http_source(feed.url, include=["*.csv", "*.part"]), max_records=10)
    asked.run()
    assert set(states(asked)) == {"a.csv", "a.csv.part"}


def archive_of(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive_of(("__MACOSX/._a.csv", b"\0\5\x16\7"), ("README.txt", b"hello\n"), ("a.csv", CSV)), ""),
        (b"#!/bin/sh\nexit\n" + archive_of(("a.csv", CSV)), "before the zip archive stand 15 bytes"),
        (gzipped(CSV) + b"trailing garbage", "behind the whole gzip data come 16 bytes"),
        (gzipped(CSV[:6]) + bytes(7) + gzipped(CSV[6:]) + bytes(5) + b"x" * 300_000, "come 300000 bytes"),
        (archive_of(("a.csv.gz", gzipped(CSV) + b"!")), "a.csv.gz: behind the whole gzip data come 1 bytes"),
    ],
)
def test_whole_records_are_rows_and_what_is_around_them_a_warning(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "packed").write_bytes(content)
    fetching = Fetching(file_source(tmp_path), max_records=10)
    assert fetching.run().problems == ()
    assert fetching.records() == RECORDS
    (found,) = fetching.ledger.all_objects()
    assert found.state is ObjectState.CUT
    assert said in (found.reason or "")


def test_whole_records_before_damage_are_rows_however_few(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzipped(CSV) + gzipped(CSV * 9)[:-20])
    fetching = Fetching(file_source(tmp_path), max_records=1)
    assert len(fetching.run().problems) == 1
    assert fetching.records().startswith(RECORDS)


def test_an_archive_of_which_nothing_is_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive_of(("__MACOSX/._a.csv", b"\0"), ("README", b"x")))
    fetching = Fetching(file_source(tmp_path), max_records=1)
    (problem,) = fetching.run().problems
    assert "none of its 2 files is read (__MACOSX/._a.csv, README)" in problem


BAD = gzipped(CSV)[:-9]


def test_an_unavailable_object_that_its_folder_has_no_more_is_history(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(BAD)
    fetching = Fetching(file_source(tmp_path), max_records=10)
    assert len(fetching.run().problems) == 1
    (tmp_path / "bad.csv").unlink()
    assert fetching.run().problems == ()
    assert states(fetching) == {"bad.csv": ObjectState.HISTORY}
    (found,) = fetching.ledger.all_objects()
    assert "truncated" in (found.reason or "")


def test_one_in_whose_place_a_whole_version_is_served_is_history(feed: FeedServer) -> None:
    feed.put("a.csv", BAD, modified=1e9)
    fetching = Fetching(http_source(feed.url), max_records=10)
    assert len(fetching.run().problems) == 1
    feed.put("a.csv", gzipped(CSV), modified=2e9 - 5e8)
    assert fetching.run().problems == ()
    assert [each.state for each in fetching.ledger.all_objects()] == [ObjectState.HISTORY, ObjectState.CUT]
    assert fetching.records().endswith(RECORDS)


def test_history_that_comes_back_is_a_failure_again(feed: FeedServer) -> None:
    feed.put("a.csv", BAD)
    fetching = Fetching(http_source(feed.url), max_records=10)
    fetching.run()
    served = feed.files.pop("a.csv")
    fetching.run()
    assert states(fetching) == {"a.csv": ObjectState.HISTORY}
    feed.files["a.csv"] = served
    fetching.run()
    assert states(fetching) == {"a.csv": ObjectState.UNAVAILABLE}


def test_a_source_that_cannot_be_listed_makes_nothing_history(feed: FeedServer) -> None:
    feed.put("a.csv", BAD)
    fetching = Fetching(http_source(feed.url), max_records=10)
    fetching.run()
    feed.fail("", status=403)
    fetching.run()
    assert states(fetching) == {"a.csv": ObjectState.UNAVAILABLE}
