"""Statuses, dates, retries and tasks: what is decided without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dcp_fetcher.ground.errors import FetchError, GoneError, RefusedError, TemporaryError
from dcp_fetcher.ground.patience import Backoff
from dcp_fetcher.objects.unavailable import ranges
from dcp_fetcher.sites.http.client import error_of, redacted, retry_after_seconds
from dcp_fetcher.tasks.request import Request, Step, TaskInvalid, Verdict, assign, decide, id_of, parse_request
from dcp_pipeline.ledger.model import BatchState, Cut, ObjectState, SourceObject, Task, TaskState
from support.fetching import file_source, http_source, pipeline_of

NOW = datetime(2026, 11, 22, 12, 0, 0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, GoneError), (410, GoneError), (401, RefusedError), (403, RefusedError), (418, RefusedError)]
    + [(status, TemporaryError) for status in (408, 425, 429, 500, 502, 503, 504)],
)
def test_each_status_has_its_consequence(status: int, kind: type[FetchError]) -> None:
    assert type(error_of(status, {}, "there")) is kind


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("7", 7.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("x", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: float | None) -> None:
    assert retry_after_seconds(value, NOW.replace(tzinfo=UTC)) == expected


def test_pauses_grow_to_a_limit_and_heed_what_was_asked_within_another() -> None:
    backoff = Backoff(base_seconds=1, longest_seconds=10, longest_asked_seconds=60)
    assert [backoff.pause_seconds(n, None, 1.0) for n in (1, 2, 3, 4, 9)] == [2, 4, 8, 10, 10]
    assert backoff.pause_seconds(3, None, 0.25) == 2
    assert backoff.pause_seconds(1, 30.0, 0.5) == 30
    assert backoff.pause_seconds(1, 3600.0, 0.5) == 60


def test_a_shown_url_has_no_query() -> None:
    assert redacted("http://h/a?key=secret#x") == "http://h/a?..."


def test_a_task_is_read_and_keys_of_others_are_let_through() -> None:
    raw = b'{"url": "http://h/a.csv", "priority": 3, "source": "s", "id": "x", "fileName": "a"}'
    assert parse_request(raw) == Request("http://h/a.csv", 3, "s", "x")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\xff", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "url"),
        (b'{"url": 7}', "url"),
        (b'{"url": "ftp://h/a"}', "neither http"),
        (b'{"url": "http://u:pw@h/a"}', "secretKeyRef"),
        (b'{"url": "http:///a"}', "no host"),
        (b'{"url": "http://h:port/a"}', "cannot be read"),
        (b'{"url": "file://host/etc"}', "another machine"),
        (b'{"url": "http://h/a b"}', "blanks"),
        (b'{"url": "http://h/a", "priority": "high"}', "priority"),
        (b'{"url": "http://h/a", "priority": -1}', "priority"),
        (b'{"url": "http://h/a", "source": 1}', "source"),
        (b'{"url": "http://h/a", "id": ""}', "id"),
        (b"[" * 50_000, "not JSON"),
        (b" " * 9_000_000, "9000000 bytes; a task has at most 65536"),
        (b'{"url": "file:///%00"}', "NUL"),
        (b'{"url": "http://h/\\udc00"}', "url"),
        (b'{"url": "http://h/a", "id": "\\ud800"}', "id"),
        (b'{"url": "http://h/a", "id": "x\\u0000"}', "id"),
        (b'{"url": "http://h/a", "id": "x "}', "blanks"),
    ],
)
def test_an_invalid_task_says_why_and_shows_no_secret(raw: bytes, said: str) -> None:
    with pytest.raises(TaskInvalid, match=said) as caught:
        parse_request(raw)
    assert "pw" not in str(caught.value)


def test_a_task_is_read_with_the_terms_of_the_source_it_belongs_to(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "x.csv").touch()
    (inside / "link.csv").symlink_to(outside / "x.csv")
    sources = pipeline_of(
        http_source("http://a.test/one/", name="one"),
        http_source("http://a.test/two/?list=1", name="two", allow=["*.b.test"]),
        file_source(inside, name="three"),
    ).spec.sources
    paths = {"three": inside}

    def assigned(url: str, source: str | None = None) -> tuple[str, bool]:
        found = assign(Request(url, source=source), sources, paths)
        return found.source.name, found.own

    assert assigned("http://a.test/two/x.csv") == ("two", True)
    assert assigned("http://a.test:80/one/x.csv") == ("one", True)
    assert assigned("https://a.test/one/x.csv") == ("one", False)
    assert assigned("http://a.test/one/../two/x.csv") == ("one", False)
    assert assigned("http://a.test/two/%2e%2e/one/x.csv") == ("one", False)
    assert assigned("http://x.b.test/x.csv") == ("two", False)
    for named, url in (("one", "http://x.b.test/x.csv"), (None, "http://b.test/x.csv"), ("two", "http://10.0.0.1/")):
        with pytest.raises(TaskInvalid, match="allow"):
            assigned(url, named)
    with pytest.raises(TaskInvalid, match="no http source"):
        assigned("http://x.b.test/x.csv", "three")
    assert assigned((inside / "y.csv").as_uri()) == ("three", True)
    for url in ((outside / "x.csv").as_uri(), (inside / "link.csv").as_uri(), f"file://{inside}/../out/x.csv"):
        with pytest.raises(TaskInvalid, match="not below"):
            assigned(url)
    with pytest.raises(TaskInvalid, match="one, two, three"):
        assigned("http://b.test/x.csv", "four")


def test_ids_of_tasks_are_told_from_their_bytes_and_their_turn() -> None:
    assert id_of(b"x", 0) == id_of(b"x", 0) != id_of(b"x", 1)


def task(**how: object) -> Task:
    values = {
        "id": "t",
        "raw": b"",
        "url": "u",
        "priority": None,
        "source": "s",
        "state": TaskState.OPEN,
        "attempts": 0,
    }
    values |= {"object_id": "o", "reason": None, "created_at": NOW - timedelta(minutes=5), "updated_at": NOW}
    return Task(**(values | how))  # type: ignore[arg-type]


def object_in(state: ObjectState, reason: str | None = None) -> SourceObject:
    return SourceObject("o", "p", "s", "u", "v", "r", state=state, reason=reason)


def cut_in(state: BatchState, start: int = 0, end: int = 1) -> Cut:
    return Cut("b", 0, start, end, 1, 1, 1, "d", state=state)


@pytest.mark.parametrize(
    ("given", "recorded", "cuts", "expected"),
    [
        (task(object_id=None), None, [], Verdict(Step.LOOK)),
        (task(object_id=None), object_in(ObjectState.CUT), [], Verdict(Step.LOOK)),
        (task(), object_in(ObjectState.CUTTING), [cut_in(BatchState.DONE)], Verdict(Step.LOOK)),
        (task(), object_in(ObjectState.CUT), [cut_in(BatchState.CUT)], Verdict(Step.WAIT)),
        (task(), object_in(ObjectState.CUT), [cut_in(BatchState.DONE)], Verdict(Step.FINISH, TaskState.DONE)),
        (
            task(),
            object_in(ObjectState.CUT),
            [cut_in(BatchState.DONE), cut_in(BatchState.DEAD)],
            Verdict(Step.FINISH, TaskState.FAILED, "1 of 2 batches are dead (dcp dead ls)"),
        ),
        (
            task(),
            object_in(ObjectState.UNAVAILABLE, "truncated"),
            [],
            Verdict(Step.FINISH, TaskState.FAILED, "truncated"),
        ),
        (
            task(created_at=NOW - timedelta(minutes=31)),
            object_in(ObjectState.CUT),
            [cut_in(BatchState.CUT)],
            Verdict(Step.FINISH, TaskState.TIMEOUT, "not done within worker.taskTimeout (0:30:00)"),
        ),
    ],
)
def test_a_tasks_next_step_follows_from_what_became_of_its_object(
    given: Task, recorded: SourceObject | None, cuts: list[Cut], expected: Verdict
) -> None:
    assert decide(given, recorded, cuts, NOW, timedelta(minutes=30)) == expected


def test_adjacent_missing_ranges_are_named_as_one() -> None:
    cuts = [cut_in(BatchState.CUT, *each) for each in ((0, 5), (5, 9), (12, 20))]
    assert ranges(cuts) == [(0, 9), (12, 20)]
