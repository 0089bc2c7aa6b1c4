"""Servers that answer less, other or vaguer than they were asked: nothing is lost, nothing comes twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dcp_fetcher.objects import Outcome
from dcp_pipeline.ledger.model import ObjectState
from support.fetching import Fetching, file_source, http_source
from support.odd_server import Ask, OddServer, answer, date, odd_server, part

HEADER = b"a,b\n"
OLD = {"Last_Modified": date(1e9), "Date": date(2e9)}


def rows(first: int, count: int) -> bytes:
    return b"".join(b"%05d,%s\n" % (n, b"x" * (n % 40)) for n in range(first, first + count))


class Growing:
    """A file that grows, and one way in which a server treats ranges of it."""

    def __init__(self, ranges: Callable[[bytes, int], bytes], **headers: str) -> None:
        self.content, self._ranges, self._headers = b"", ranges, headers

    def __call__(self, ask: Ask) -> bytes:
        if ask.start is None:
            return answer(200, self.content, **self._headers)
        return self._ranges(self.content, ask.start)


def _416(whole: bytes) -> bytes:
    return answer(416, b"no", Content_Range=f"bytes */{len(whole)}")


ODD_RANGES: dict[str, Callable[[bytes, int], bytes]] = {
    "right": lambda whole, start: part(whole, start) if start < len(whole) else _416(whole),
    "700 bytes each": lambda whole, start: part(whole, start, start + 700) if start < len(whole) else _416(whole),
    "one byte less": lambda whole, start: part(whole, start, max(start + 1, len(whole) - 1)),
    "no total": lambda whole, start: part(whole, start, start + 300, total="*") if start < len(whole) else _416(whole),
    "from before": lambda whole, start: part(whole, max(0, start - 100)),
    "whole as 206": lambda whole, start: part(whole, 0),
    "from behind": lambda whole, start: part(whole, min(start + 1, len(whole) - 1)),
    "no Content-Range": lambda whole, start: answer(206, whole[start:]),
    "lies about where": lambda whole, start: answer(
        206, whole[start + 1 :], Content_Range=f"bytes {start}-{len(whole) - 2}/{len(whole) - 1}"
    ),
    "ignores": lambda whole, start: answer(200, whole),
    "416 to all": lambda whole, start: answer(416),
    "416 of a shorter one": lambda whole, start: answer(416, Content_Range="bytes */5"),
    "multipart": lambda whole, start: answer(206, b"--x\r\n\r\n" + whole, Content_Type="multipart/byteranges"),
}


@pytest.mark.parametrize("validators", [OLD, {}], ids=["dated", "bare"])
@pytest.mark.parametrize("kind", list(ODD_RANGES))
def test_a_growing_file_comes_once_however_ranges_are_answered(kind: str, validators: dict[str, str]) -> None:
    served = Growing(ODD_RANGES[kind], **validators)
    with odd_server(served) as server:
        growing = Fetching(http_source(server.url + "log.csv", growth="append"), max_records=40)
        stages = [rows(0, 100), rows(0, 130), rows(0, 130) + b"half", rows(0, 131), rows(0, 400)]
        for stage in stages:
            served.content = HEADER + stage
            assert growing.round().of(Outcome.FAILED) == []
        assert growing.records() == rows(0, 400)
        served.content = HEADER + rows(900, 20)  # truncated and written anew
        growing.round()
        assert growing.records() == rows(0, 400) + rows(900, 20)
        assert len(growing.ledger.all_objects()) == 2


@pytest.fixture
def cut_off() -> Iterator[tuple[OddServer, list[bytes]]]:
    """A server without lengths, whose answers end one after the other as the list says, the last one again and again."""
    bodies: list[bytes] = []

    def respond(ask: Ask) -> bytes:
        return answer(200, bodies.pop(0) if len(bodies) > 1 else bodies[0], length=False, **headers_of(ask))

    def headers_of(ask: Ask) -> dict[str, str]:
        return {} if "bare" in ask.path else {"ETag": '"1"'}

    with odd_server(respond) as server:
        yield server, bodies


@pytest.mark.parametrize("name", ["a.csv", "bare.csv"])
@pytest.mark.parametrize(
    "ends", [[], [17], [2000, 17, 1000], [0], [3999, 4000, 4001]], ids=["none", "one", "three", "empty", "close"]
)
def test_an_answer_without_length_is_read_to_where_two_answers_end(
    cut_off: tuple[OddServer, list[bytes]], name: str, ends: list[int]
) -> None:
    whole = HEADER + rows(0, 300)
    server, bodies = cut_off
    bodies += [*(whole[:end] for end in ends), whole]
    fetching = Fetching(http_source(server.url + name), max_records=40)
    report = fetching.run()
    assert report.problems == ()
    assert fetching.records() == rows(0, 300)
    assert [each.state for each in fetching.ledger.all_objects()] == [ObjectState.CUT]


def test_an_answer_without_length_that_never_ends_twice_at_the_same_byte_is_a_problem_and_not_cut(
    cut_off: tuple[OddServer, list[bytes]],
) -> None:
    whole = HEADER + rows(0, 300)
    server, bodies = cut_off
    bodies += [whole[: 4000 - 7 * n] for n in range(60)]
    fetching = Fetching(http_source(server.url + "a.csv"), max_records=40)
    report = fetching.run()
    assert "asked once more" in report.problems[0]
    assert [each.state for each in fetching.ledger.all_objects()] == [ObjectState.CUTTING]
    bodies[:] = [whole]
    assert fetching.run().problems == ()
    assert fetching.records() == rows(0, 300)


def test_a_growing_file_without_length_waits_for_an_answer_that_is_whole(
    cut_off: tuple[OddServer, list[bytes]],
) -> None:
    server, bodies = cut_off
    growing = Fetching(http_source(server.url + "log.csv", growth="append"), max_records=40)
    whole = HEADER + rows(0, 300)
    for stage in ([whole[:3000]], [whole[:1000], whole[:2000], whole[:4000]], [whole[:500], whole]):
        bodies[:] = stage
        growing.round()
    assert growing.records() == rows(0, 300)
    assert len(growing.ledger.all_objects()) == 1


def test_a_chunked_answer_without_its_last_chunk_is_not_whole() -> None:
    whole, asked = HEADER + rows(0, 300), []

    def respond(ask: Ask) -> bytes:
        asked.append(ask)
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(whole), whole)
        head = answer(200, length=False, Transfer_Encoding="chunked", ETag='"1"')
        return head + (body[: len(body) // 2] if len(asked) == 1 else body)

    with odd_server(respond) as server:
        fetching = Fetching(http_source(server.url + "a.csv"), max_records=40)
        assert fetching.run().problems == ()
        assert fetching.records() == rows(0, 300)


def test_a_resumed_download_whose_range_is_short_is_asked_on() -> None:
    whole = HEADER + rows(0, 300)

    def respond(ask: Ask) -> bytes:
        if ask.start is None:
            return answer(200, whole, ETag='"1"')[: -len(whole) // 2]
        return part(whole, ask.start, ask.start + 900, ETag='"1"')

    with odd_server(respond) as server:
        fetching = Fetching(http_source(server.url + "a.csv"), max_records=40)
        assert fetching.run().problems == ()
        assert fetching.records() == rows(0, 300)


@pytest.mark.parametrize("etag", ['W/"1"', None])
def test_a_range_of_other_bytes_under_a_validator_that_is_none_is_not_taken(etag: str | None) -> None:
    """The file is rewritten between two ranges, within its second: nothing of the two is mixed."""
    old, new, asked = HEADER + rows(0, 300), HEADER + rows(500, 300), []
    headers = {"Last_Modified": date(2e9), "Date": date(2e9)} | ({"ETag": etag} if etag else {})

    def respond(ask: Ask) -> bytes:
        asked.append(ask)
        if len(asked) == 1:
            return answer(200, old, **headers)[: -len(old) // 2]
        return answer(200, new, **headers) if ask.start is None else part(new, ask.start, **headers)

    with odd_server(respond) as server:
        fetching = Fetching(http_source(server.url + "a.csv"), max_records=40)
        assert fetching.run().problems == ()
        assert fetching.records() == rows(500, 300)


@pytest.mark.parametrize("shown", ['"2"', None], ids=["another", "none"])
def test_a_server_that_ignores_if_range_cannot_mix_two_versions(shown: str | None) -> None:
    old, new, asked = HEADER + rows(0, 300), HEADER + rows(500, 300), []

    def respond(ask: Ask) -> bytes:
        asked.append(ask)
        if len(asked) == 1:
            return answer(200, old, ETag='"1"')[: -len(old) // 2]
        return answer(200, new, ETag='"2"') if ask.start is None else part(new, ask.start, **tagged)

    tagged = {"ETag": shown} if shown else {}
    with odd_server(respond) as server:
        fetching = Fetching(http_source(server.url + "a.csv"), max_records=40)
        fetching.run()
        before, after = fetching.ledger.all_objects()
        assert (before.state, after.state) == (ObjectState.UNAVAILABLE, ObjectState.CUT)
        assert fetching.records(lambda batch: batch.object_id == after.id) == rows(500, 300)


@pytest.mark.parametrize("growth", ["append", "replace"])
def test_what_is_added_within_the_second_of_the_last_look_is_read(growth: str) -> None:
    """A server like Python's: no ETag, 304 by the second."""
    now = float(int(time.time()))
    content, changed, clock = HEADER + rows(0, 100), now, now

    def respond(ask: Ask) -> bytes:
        dates = {"Last_Modified": date(changed), "Date": date(clock)}
        if ask.headers.get("if-modified-since") == dates["Last_Modified"]:
            return answer(304, **dates)
        return answer(200, content, **dates)

    with odd_server(respond) as server:
        fetching = Fetching(http_source(server.url + "log.csv", growth=growth), max_records=400)
        fetching.round()
        content = HEADER + rows(0, 99) + rows(700, 1)  # as many bytes, in the same second
        if growth == "append":
            content = HEADER + rows(0, 130)
        clock = now + 30
        fetching.round()
        added = rows(100, 30) if growth == "append" else rows(0, 99) + rows(700, 1)
        assert fetching.records() == rows(0, 100) + added
        fetching.work()
        asked = len(server.asks)
        assert [look.outcome for look in fetching.round().looks] == [Outcome.UNCHANGED]
        assert server.asks[asked].headers.get("if-modified-since") == date(changed)


def test_a_file_read_young_is_the_same_version_once_its_date_is_old_enough() -> None:
    clock = iter((2e9, 2e9 + 1, 2e9 + 60, 2e9 + 120))

    def respond(ask: Ask) -> bytes:
        return answer(200, HEADER + rows(0, 100), Last_Modified=date(2e9), Date=date(next(clock)))

    with odd_server(respond) as server:
        fetching = Fetching(http_source(server.url + "a.csv"), max_records=40)
        for _ in range(4):
            fetching.round()
        assert fetching.records() == rows(0, 100)
        assert len(fetching.ledger.all_objects()) == 1


@pytest.mark.parametrize("partial", ["error", "accept"])
@pytest.mark.parametrize("said", ["link", "json"])
def test_a_part_is_read_and_told_unless_it_will_do(said: str, partial: str) -> None:
    records = [b'{"a": %d}' % n for n in range(100)]

    def respond(ask: Ask) -> bytes:
        if said == "link":
            return answer(200, b"\n".join(records) + b"\n", ETag='"1"', Link='<http://h/x?page=2>; rel="next"')
        return answer(200, b'{"next": "?page=2", "rows": [' + b",".join(records) + b"]}", ETag='"1"')

    form = {"type": "json", "items": "rows"} if said == "json" else {"type": "ndjson"}
    with odd_server(respond) as server:
        fetching = Fetching({**http_source(server.url + "a", format=form), "partial": partial}, max_records=40)
        report = fetching.run()
        assert fetching.records().count(b"\n") == 100
        assert [("only a part" in each and "partial: accept" in each) for each in report.problems] == (
            [True] if partial == "error" else []
        )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'<html><script src="app.js"></script></html>', "lists no file"),
        (b'{"files": ["a.csv"], "nextPageToken": "s3cret"}', "only a part"),
        (b'["b.txt", "c.txt"]', "include"),
    ],
)
def test_a_listing_that_brings_nothing_is_a_problem_of_its_source(body: bytes, said: str) -> None:
    with odd_server(lambda ask: answer(200, body)) as server:
        fetching = Fetching(http_source(server.url, include=["*.csv"]))
        report = fetching.run()
        assert len(report.problems) == 1
        assert said in report.problems[0]
        assert "s3cret" not in report.problems[0]
        assert said in (report.figures.sources["feed"].last_error or "")


def test_an_include_that_matches_no_file_of_a_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\n1\n")
    report = Fetching(file_source(tmp_path, include=["*.csv"])).run()
    assert "file.include matches none" in report.problems[0]


@pytest.mark.parametrize("growth", ["replace", "append"])
def test_a_server_that_says_unchanged_to_whom_knows_nothing_is_a_problem(growth: str) -> None:
    with odd_server(lambda ask: answer(304)) as server:
        report = Fetching(http_source(server.url + "a.csv", growth=growth)).run()
        assert ["HTTP 304, which was not asked for" in each for each in report.problems] == [True]
