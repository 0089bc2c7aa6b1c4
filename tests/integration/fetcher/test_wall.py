"""Whatever comes from outside, and whatever it makes a library raise: that one's outcome, and everything else goes on."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dcp_fetcher import reading
from dcp_fetcher.objects import Outcome
from dcp_fetcher.tasks import desk
from dcp_pipeline.ledger.model import ObjectState, TaskState
from support.feed_server import FeedServer, gzipped
from support.fetching import Fetching, file_source, http_source

CSV = b"a,b\n1,2\n3,4\n"
RECORDS = b"1,2\n3,4\n"


class Panic(BaseException):
    """As pyo3's PanicException: no Exception."""


def states(fetching: Fetching) -> dict[str, tuple[ObjectState, str]]:
    """Name -> state and reason."""
    return {each.uri.rpartition("/")[2]: (each.state, each.reason or "") for each in fetching.ledger.all_objects()}


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Panic("not implemented"), "Panic: not implemented"),
        (StopIteration(), "StopIteration"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deep"),
        ("\udce9".encode, "UnicodeEncodeError"),
        (ValueError("line 1\nline 2 \0"), "ValueError: line 1 line 2 \ufffd"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_what_a_reader_raises_is_that_objects_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: object, said: str
) -> None:
    def opened(stream: object, *how: object) -> object:
        if stream.peek(4) == b"bad\n":  # type: ignore[attr-defined]
            raise raised if isinstance(raised, BaseException) else raised()  # type: ignore[operator, misc]
        return stream

    monkeypatch.setattr(reading, "as_lines", opened)
    for name, content in {"1.csv": b"bad\n", "2.csv": b"bad\n", "3.csv": CSV}.items():
        (tmp_path / name).write_bytes(content)
    for growth in ("replace", "append"):
        fetching = Fetching(file_source(tmp_path, growth=growth))
        assert len(fetching.run().problems) == 2
        state, reason = states(fetching)["1.csv"]
        assert state is ObjectState.UNAVAILABLE
        assert said in reason
        assert fetching.records() == RECORDS


@pytest.mark.parametrize("growth", ["replace", "append"])
def test_memory_that_others_hold_is_no_damage_of_an_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, growth: str
) -> None:
    scarce, as_lines = [True], reading.as_lines

    def opened(stream: object, *how: object) -> object:
        if scarce[0]:
            raise MemoryError
        return as_lines(stream, *how)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "as_lines", opened)
    (tmp_path / "a.csv").write_bytes(CSV)
    fetching = Fetching(file_source(tmp_path, growth=growth))
    [problem] = fetching.run().problems
    assert "more memory than there is" in problem
    assert ObjectState.UNAVAILABLE not in {each.state for each in fetching.ledger.all_objects()}
    scarce[0] = False
    assert fetching.run().problems == ()
    assert fetching.records() == RECORDS


def test_a_blank_first_line_without_header_hangs_nobody(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv", "3.csv"):
        (tmp_path / name).write_bytes(b"\n\r\n" + RECORDS)
    (tmp_path / "4.csv").write_bytes(b"\n\n")
    fetching = Fetching(file_source(tmp_path, format={"header": False}), max_records=10)
    fetching.run()
    assert {each.header for each in fetching.ledger.all_objects()} == {("col1", "col2"), ("col1",)}
    assert sorted(batch.raw() for batch in fetching.queue.batches()) == [b"\n\n", *3 * [b"\n\r\n" + RECORDS]]


def test_a_panic_of_the_parquet_reader_is_that_files(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": [[b"\xff"]]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [1], "b": [2]}).write_parquet(tmp_path / "2.parquet")
    (tmp_path / "3.parquet").write_bytes(b"PAR1" + bytes(30) + b"PAR1")
    fetching = Fetching(file_source(tmp_path, format={"type": "parquet"}))
    fetching.run()
    assert states(fetching)["3.parquet"][0] is ObjectState.UNAVAILABLE
    assert b'{"a":1,"b":2}\n' in fetching.records()


def test_names_that_are_no_utf8_are_read_in_folders_and_archives(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")).write_bytes(CSV)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        entry = tarfile.TarInfo("inside-\udce9.csv")
        entry.size = len(CSV)
        archive.addfile(entry, io.BytesIO(CSV))
    (tmp_path / "a.tar").write_bytes(packed.getvalue())
    fetching = Fetching(file_source(tmp_path), max_records=10)
    assert fetching.run().problems == ()
    assert set(states(fetching)) == {"caf%E9.csv", "a.tar"}
    assert fetching.records() == 2 * RECORDS


LISTINGS = {
    "next that is no URL": (b'{"items": ["good.csv"], "next": "http://[bad"}', "next page cannot be asked for"),
    "next at no port": (b'{"items": ["good.csv"], "next": "http://127.0.0.1:99999/"}', "next page cannot be asked for"),
    "nested deep": (b'{"items": ' + b"[" * 200_000, "no JSON"),
    "comments without end": (b"<!doctype html>" + b"<!--" * 100_000, ""),
    "odd declarations": (b"<html><![foo]><![CDATA[<a href=good.csv>" * 3, ""),
    "a NUL": (b"<html><a href='x\0y.csv'>x</a><a href=good.csv>y</a>", "HTTP 404"),
    "cut off": (b'{"items": ["good.csv"', "no JSON"),
    "not UTF-8": (b'{"items": ["good.csv", "\xff\xfe"]}', "HTTP 404"),
}


@pytest.mark.parametrize("kind", LISTINGS)
def test_an_odd_listing_is_that_sources_and_others_are_read(feed: FeedServer, tmp_path: Path, kind: str) -> None:
    body, said = LISTINGS[kind]
    feed.put("odd/", body, content_type="application/json" if body.startswith(b"{") else "text/html")
    feed.put("odd/good.csv", CSV)
    (tmp_path / "a.csv").write_bytes(CSV)
    fetching = Fetching(http_source(feed.url + "odd/"), file_source(tmp_path), max_records=10)
    report = fetching.run()
    assert said in " ".join(report.problems)
    assert "a.csv" in states(fetching)


def test_names_of_a_listing_that_cannot_be_asked_for_are_told_and_the_others_read(feed: FeedServer) -> None:
    odd = ["\ud800.csv", "http://[bad", "http://127.0.0.1:99999/x", {"url": "http://h/\0"}, {"url": "x" * 5_000}]
    feed.put("odd/", json.dumps({"items": [*odd, "good.csv"]}).encode(), content_type="application/json")
    feed.put("odd/good.csv", CSV)
    fetching = Fetching(http_source(feed.url + "odd/"), max_records=10)
    report = fetching.run()
    (round_,) = report.rounds
    assert len(round_.of(Outcome.FAILED)) == len(odd)
    assert all("cannot be asked for" in problem for problem in report.problems)
    assert fetching.records() == RECORDS


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "²"},
        {"Retry-After": "9" * 400},
        {"Retry-After": "Fri, 31 Dec 99999 23:59:59 GMT"},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"},
        {"Retry-After": ""},
    ],
)
def test_an_odd_retry_after_is_none(feed: FeedServer, headers: dict[str, str]) -> None:
    feed.put("good.csv", CSV)
    feed.fail("good.csv", status=503, headers=headers, times=1)
    fetching = Fetching(http_source(feed.url + "good.csv"), max_records=10)
    assert fetching.run().problems == ()
    assert fetching.records() == RECORDS


@pytest.mark.parametrize(
    "location", ["http://[bad", "http://127.0.0.1:99999/", "//", "ftp://h/", "http://a\ud800", "http://", "\\\\h\\x"]
)
def test_an_odd_location_is_that_objects(feed: FeedServer, tmp_path: Path, location: str) -> None:
    feed.redirect("a.csv", location.encode("utf-8", "surrogatepass").decode("latin-1"))
    (tmp_path / "a.csv").write_bytes(CSV)
    fetching = Fetching(http_source(feed.url + "a.csv"), file_source(tmp_path), max_records=10)
    report = fetching.run()
    assert len(report.problems) == 1
    assert fetching.records() == RECORDS


@pytest.mark.parametrize("growth", ["replace", "append"])
def test_what_cannot_be_unpacked_is_that_objects(feed: FeedServer, growth: str) -> None:
    feed.put("1.csv", CSV, content_encoding="br")
    feed.put("2.csv", gzipped(CSV)[:-9])
    feed.put("3.csv", gzipped(gzipped(CSV)))
    feed.put("good.csv", CSV)
    fetching = Fetching(http_source(feed.url, growth=growth), max_records=10)
    report = fetching.run()
    assert len(report.problems) == 3
    found = states(fetching)
    assert found["good.csv"][0] is ObjectState.CUT
    assert {found[name][0] for name in ("1.csv", "2.csv", "3.csv")} == {ObjectState.UNAVAILABLE}
    assert "Content-Encoding 'br'" in found["1.csv"][1]
    assert len(fetching.run().problems) in (0, 3), "the same again, and no end of the fetcher"


TASKS = [
    b"\xff\xfe not text",
    b"[" * 60_000,
    b'{"url": "http://[bad"}',
    b'{"url": "http://127.0.0.1:99999/x.csv"}',
    b'{"url": "http://h/\\u0000"}',
    b'{"url": "http://h/\\ud800"}',
    b'{"url": "file:///%00/etc"}',
    b'{"url": "file:///' + b"x" * 4_000 + b'"}',
    b'{"url": "' + b"y" * 9_437_184 + b'"}',
    b"1e999999",
    b"9" * 50_000,
]


def test_no_task_ends_the_fetcher_or_blocks_the_inbox(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    fetching = Fetching(file_source(tmp_path, include=["none"]), max_records=10)
    good = json.dumps({"url": (tmp_path / "a.csv").as_uri()}).encode()
    fetching.inbox.waiting += [*TASKS, good]
    fetching.run()
    assert fetching.inbox.waiting == []
    ends = [task.state for task in fetching.ledger.tasks()]
    assert ends.count(TaskState.FAILED) == len(TASKS)
    assert all(len(task.raw) <= 65_536 for task in fetching.ledger.tasks())
    assert fetching.records() == RECORDS


def test_a_task_that_nobody_foresaw_is_that_tasks_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    fetching = Fetching(file_source(tmp_path, include=["none"]), max_records=10)
    good, odd = (json.dumps({"url": (tmp_path / name).as_uri()}).encode() for name in ("a.csv", "odd.csv"))
    fetching.inbox.waiting += [odd, good]
    foreseen = desk.assign

    def assign(request: Any, *terms: Any) -> Any:
        if str(request.url).endswith("odd.csv"):
            raise ZeroDivisionError("nobody thought of it")
        return foreseen(request, *terms)

    monkeypatch.setattr(desk, "assign", assign)
    fetching.run()
    assert fetching.inbox.waiting == []
    assert [task.state for task in fetching.ledger.tasks()].count(TaskState.FAILED) == 1
    assert fetching.records() == RECORDS
