"""A server may lead a source anywhere; it goes where it may: for each way in, and by the address that is connected to."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path

import pytest
from aiohttp.abc import ResolveResult
from msgspec.structs import replace

from dcp_fetcher.objects import Outcome
from dcp_fetcher.sites.http.resolver import OutOfReach, ReachResolver
from dcp_pipeline.batch import object_id
from dcp_pipeline.ledger.model import TaskState
from dcp_pipeline.reach import reach_of
from support.feed_server import FeedServer, feed_server
from support.fetching import Fetching, file_source, http_source
from support.odd_server import Ask, answer, odd_server

CSV = b"a,b\n1,x\n"
INSIDE = b"a,b\n666,secret\n"
WAYS = ["redirect", "json listing", "redirected listing", "next page", "link header", "task"]


def respond_by(way: str, inside: str) -> object:
    def respond(ask: Ask) -> bytes:
        if ask.path == "/feed/a.csv":
            return answer(302, Location=inside + "x.csv") if way == "redirect" else answer(200, CSV)
        if way == "json listing":
            return answer(200, json.dumps([inside + "x.csv", "a.csv"]).encode())
        if way == "redirected listing":
            return answer(302, Location=inside)
        if way == "next page":
            return answer(200, json.dumps({"files": ["a.csv"], "next": inside}).encode())
        if way == "link header":
            return answer(200, b'["a.csv"]', Link=f'<{inside}>; rel="next"')
        return answer(200, b'["a.csv"]')

    return respond


@pytest.mark.parametrize("allow", [[], ["localhost"], ["*"]])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_to_another_server_inside(feed: FeedServer, way: str, allow: list[str]) -> None:
    feed.put("x.csv", INSIDE)
    for inside in (feed.url, feed.url.replace("127.0.0.1", "localhost")):
        with odd_server(respond_by(way, inside)) as server:  # type: ignore[arg-type]
            fetching = Fetching(http_source(server.url, allow=allow), worker={"maxAttempts": 1})
            if way == "task":
                fetching.inbox.waiting.append(json.dumps({"url": inside + "x.csv"}).encode())
            report = fetching.run()
            told = str(report.problems) if way != "task" else str(fetching.ledger.tasks())
            assert "allow" in told
            assert b"666" not in fetching.records()
    assert feed.asked == []


@pytest.mark.parametrize("way", WAYS)
def test_what_is_allowed_is_followed(feed: FeedServer, way: str) -> None:
    feed.put("x.csv", INSIDE)
    inside = feed.url.replace("127.0.0.1", "localhost")
    with odd_server(respond_by(way, inside)) as server:  # type: ignore[arg-type]
        allow = ["localhost", f"127.0.0.0/8:{feed.port}", f"[::1]:{feed.port}"]
        fetching = Fetching(http_source(server.url, allow=allow), worker={"maxAttempts": 1})
        if way == "task":
            fetching.inbox.waiting.append(json.dumps({"url": inside + "x.csv"}).encode())
        fetching.run()
        assert b"666,secret\n" in fetching.records()


def test_a_name_that_leads_inside_by_the_time_of_the_connection_is_not_connected_to() -> None:
    answers = ["93.184.215.14", "169.254.169.254"]

    class Rebinding:
        async def resolve(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
            address = answers.pop(0)
            return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def resolved() -> list[str]:
        resolver = ReachResolver(reach_of("http://feed.test/", ["cdn.test"]), Rebinding())
        return [each["host"] for each in await resolver.resolve("cdn.test", 80)]

    assert asyncio.run(resolved()) == ["93.184.215.14"]
    with pytest.raises(OutOfReach, match=r"169\.254\.169\.254"):
        asyncio.run(resolved())


def test_credentials_do_not_go_along_to_an_allowed_host(feed: FeedServer) -> None:
    feed.put("x.csv", CSV)
    token = {"secretKeyRef": {"name": "feed", "key": "token"}}
    with odd_server(lambda ask: answer(302, Location=feed.url + "x.csv")) as server:
        fetching = Fetching(http_source(server.url + "a.csv", allow=[f"127.0.0.1:{feed.port}"], bearerToken=token))
        fetching.secrets["token"] = "s3cret"
        assert fetching.run().problems == ()
        assert server.asks[0].headers["authorization"] == "Bearer s3cret"
        assert "Authorization" not in feed.asked[0].headers


def test_a_presigned_object_is_one_object_and_no_query_shows(caplog: pytest.LogCaptureFixture) -> None:
    signed: list[int] = []

    def respond(ask: Ask) -> bytes:
        if ask.path == "/feed/":
            signed.append(len(signed))
            query = f"X-Amz-Date={len(signed)}&X-Amz-Signature=s3cret{len(signed)}"
            return answer(200, json.dumps([{"url": f"a.csv?{query}"}, {"url": f"b.csv?key=s3cret&{query}"}]).encode())
        return answer(200, CSV, ETag='"1"') if f"s3cret{len(signed)}" in ask.path else answer(403)

    with odd_server(respond) as server, caplog.at_level("DEBUG"):
        fetching = Fetching(http_source(server.url))
        for _ in range(3):
            assert fetching.round().of(Outcome.FAILED) == []
        assert fetching.records() == b"1,x\n" * 2
        seen = [caplog.text, str(fetching.ledger.all_objects()), str(fetching.queue.batches()), str(fetching.run())]
        assert "s3cret" not in "".join(seen)


def test_what_an_older_release_recorded_under_its_whole_url_is_not_read_again(feed: FeedServer) -> None:
    """Without cleaning.unique its rows would be in the table twice: a place's identity is of its object's name."""
    url = feed.put("a.csv", CSV) + "?dataset=7"
    fetching = Fetching(http_source(url))
    fetching.run()
    (now,) = fetching.ledger.all_objects()
    before = replace(now, uri=url, id=object_id(now.pipeline, now.source, url, now.version))
    fetching.ledger.rename(now.id, before)
    fetching.queue.flush()  # what it had cut is lost from the queue, and read again as what it was
    assert fetching.run().problems == ()
    assert [batch.object_id for batch in fetching.work()] == [before.id]
    assert fetching.run().problems == ()
    assert (fetching.ledger.all_objects(), fetching.queue.batches()) == ([before], [])
    fetching.inbox.waiting.append(json.dumps({"url": url}).encode())
    fetching.run()
    assert [each.id for each in fetching.ledger.all_objects()] == [before.id]


@pytest.mark.parametrize("way", ["a task", "the source's URL"])
def test_nor_where_it_has_been_signed_again_since(feed: FeedServer, way: str) -> None:
    first, later = (feed.put("a.csv", CSV) + f"?X-Amz-Date={day}&X-Amz-Signature={day}" for day in (1, 2))
    of_task = way == "a task"
    fetching = Fetching(http_source(feed.url, include=["none"]) if of_task else http_source(first))
    fetching.inbox.waiting += [json.dumps({"url": first}).encode()] * of_task
    fetching.run()
    (now,) = fetching.ledger.all_objects()
    before = replace(now, uri=first, id=object_id(now.pipeline, now.source, first, now.version))
    fetching.ledger.rename(now.id, before)
    fetching.work()
    fetching.sources = fetching.sources if of_task else (http_source(later),)
    fetching.inbox.waiting += [json.dumps({"url": later}).encode()] * of_task
    fetching.run()
    assert (fetching.ledger.all_objects(), fetching.queue.batches()) == ([before], [])


def test_a_finished_task_keeps_no_query(feed: FeedServer) -> None:
    url = feed.put("a.csv", CSV) + "?key=s3cret"
    fetching = Fetching(http_source(feed.url, include=["none"]))
    fetching.inbox.waiting += [json.dumps({"url": url}).encode(), b'{"url": "http://u:s3cret@h/?s3cret"}']
    fetching.run()
    fetching.work()
    fetching.run(settle=True)
    told = [each for each in fetching.inbox.told.values() if "url" in each]
    states = sorted(task.state for task in fetching.ledger.tasks())
    assert states == [TaskState.DONE, TaskState.FAILED]
    assert "s3cret" not in str(fetching.ledger.tasks()) + str([each["url"] for each in told])
    with feed_server() as other:
        assert other.asked == []


def test_a_parameter_from_a_secret_goes_to_the_own_host_only_and_is_shown_nowhere(
    feed: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    feed.put("x.csv", CSV)

    def respond(ask: Ask) -> bytes:
        if "token=s3cret%26" not in ask.path:
            return answer(403)
        return answer(302, Location=feed.url + "x.csv") if ask.path.startswith("/feed/a") else answer(200, b'["a.csv"]')

    ref = {"valueFrom": {"secretKeyRef": {"name": "feed", "key": "token"}}}
    with odd_server(respond) as server, caplog.at_level("DEBUG"):
        query = [{"name": "token", **ref}, {"name": "v", "value": "2"}]
        fetching = Fetching(http_source(server.url + "?v=1", allow=[f"127.0.0.1:{feed.port}"], query=query, listing={}))
        fetching.secrets["token"] = "s3cret&"
        report = fetching.run()
        assert report.problems == ()
        assert fetching.records() == b"1,x\n"
        assert [ask.path.partition("?")[2] for ask in server.asks] == ["token=s3cret%26&v=2"] * 2
    assert "s3cret" not in str(feed.asked) + caplog.text + str(fetching.ledger.all_objects()) + str(report)


@pytest.mark.parametrize("growth", ["replace", "append"])
def test_a_link_that_leads_out_of_its_folder_is_told_and_not_read(tmp_path: Path, growth: str) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out.csv"
    (inside / "..data").mkdir(parents=True)
    outside.write_bytes(INSIDE)
    (inside / "..data" / "real.csv").write_bytes(CSV)
    (inside / "link.csv").symlink_to(inside / "..data" / "real.csv")
    (inside / "out.csv").symlink_to(outside)
    fetching = Fetching(file_source(inside, growth=growth))
    report = fetching.run()
    assert fetching.records() == b"1,x\n"
    assert len(report.problems) == 1
    assert "leads out of its folder" in report.problems[0]


@pytest.mark.parametrize("swapped", ["the file", "its folder", "a pipe"])
@pytest.mark.parametrize("growth", ["replace", "append"])
def test_a_link_that_is_put_in_place_between_look_and_opening_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, growth: str, swapped: str
) -> None:
    """The path was looked at, by a task too: what counts is what was opened."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside / "deep", outside):
        folder.mkdir(parents=True)
    (outside / "a.csv").write_bytes(INSIDE)
    wanted, aside = inside / "deep" / "a.csv", tmp_path / "aside"
    wanted.write_bytes(CSV)
    what = wanted.parent if swapped == "its folder" else wanted
    really_open = os.open

    def open_between_two_swaps(path: object, *how: object, **more: object) -> int:
        if path != wanted or what.is_symlink():
            return really_open(path, *how, **more)  # type: ignore[arg-type]
        what.rename(aside)
        if swapped == "a pipe":
            os.mkfifo(what)
        else:
            what.symlink_to(outside if swapped == "its folder" else outside / "a.csv")
        try:
            return really_open(path, *how, **more)  # type: ignore[arg-type]
        finally:
            what.unlink()
            aside.rename(what)

    worker = {"maxAttempts": 2, "retryDelay": "10ms"}
    fetching = Fetching(file_source(inside, growth=growth), worker=worker)
    fetching.inbox.waiting.append(json.dumps({"url": wanted.as_uri(), "id": "mine"}).encode())
    monkeypatch.setattr(os, "open", open_between_two_swaps)
    fetching.run()
    assert fetching.queue.batches() == []
    task = fetching.ledger.task("mine")
    assert task is not None
    assert task.state is TaskState.FAILED
    assert ("not a regular file" if swapped == "a pipe" else "leads out of its source's folder") in (task.reason or "")


def test_a_source_that_is_itself_a_link_is_read(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.csv").write_bytes(CSV)
    for name, target in {"folder": real, "file.csv": real / "a.csv"}.items():
        (tmp_path / name).symlink_to(target)
        fetching = Fetching(file_source(tmp_path / name))
        assert fetching.run().problems == ()
        assert fetching.records() == b"1,x\n"


@pytest.mark.parametrize("growth", ["replace", "append"])
def test_a_link_that_leads_to_itself_or_nowhere_is_told_and_the_files_beside_it_are_read(
    tmp_path: Path, growth: str
) -> None:
    """One such link ended the whole listing: none of the folder's files was read."""
    (tmp_path / "a.csv").write_bytes(CSV)
    for name, target in {
        "loop": "loop", "ring": "gnir", "gnir": "ring", "yesterday.csv": "gone.csv", ".#a.csv": "me@here", "below": "."
    }.items():  # fmt: skip
        (tmp_path / name).symlink_to(target)
    fetching = Fetching(file_source(tmp_path, growth=growth))
    problems = sorted(fetching.run().problems)
    assert fetching.records() == b"1,x\n"
    assert [problem.split(": ")[0].rpartition("/")[2] for problem in problems] == [
        "gnir",
        "loop",
        "ring",
        "yesterday.csv",
    ]
    assert ["cannot be followed" in problem for problem in problems] == [True, True, True, False]
    assert "leads nowhere" in problems[-1]


def test_a_link_into_a_folder_that_may_not_be_entered_is_told_and_the_files_beside_it_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "locked").mkdir()
    (tmp_path / "b.csv").symlink_to(tmp_path / "locked" / "b.csv")
    really_scan = os.scandir

    class Locked:
        """As a user other than root, which tests may be, sees it."""

        def __init__(self, entry: os.DirEntry[str]) -> None:
            self._entry, self.name, self.path = entry, entry.name, entry.path

        def is_file(self) -> bool:
            if self._entry.is_symlink():
                raise PermissionError(13, "Permission denied", self.path)
            return self._entry.is_file()

        def is_symlink(self) -> bool:
            return self._entry.is_symlink()

        def is_dir(self) -> bool:
            return self._entry.is_dir()

    monkeypatch.setattr(
        "dcp_fetcher.sites.files.site.os.scandir", lambda path: [Locked(each) for each in really_scan(path)]
    )
    fetching = Fetching(file_source(tmp_path))
    assert [problem.split(": ")[0].rpartition("/")[2] for problem in fetching.run().problems] == ["b.csv"]
    assert fetching.records() == b"1,x\n"
