"""What others leave in the inbox: a request that can be recorded, or TaskInvalid; nothing that stops the fetcher."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from dcp_fetcher.tasks.request import TaskInvalid, assign, id_of, parse_request
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import TaskState
from fuzz.mutations import damaged
from support.databases import KINDS, fresh_database
from support.fetching import file_source, http_source, pipeline_of

CORPUS = [
    b'{"url": "http://feed/a.csv", "priority": 5, "source": "web", "id": "task-1"}',
    b'{"url": "file:///data/in/b.csv"}',
    '{"url": "http://feed/\u00e9.csv", "id": "\u00e9 \U0001f600"}'.encode(),
    '{"url": "http://feed/a.csv"}'.encode("utf-16"),
    b"http://feed/a.csv",
    b'{"url": "file:///data/in/%00.csv"}',
    b'{"url": "file:///data/in/%ff/../%F0%9F/c.csv"}',
    b'{"url": "http://feed/a.csv", "id": "\\ud800"}',
    b'{"url": "http://feed/a.csv", "id": "\\u0000"}',
    b'{"url": "http://feed/\\udfff"}',
    b"[" * 100_000,
    b'{"url": ' + b"9" * 5000 + b"}",
]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(),
    st.text(st.characters(), max_size=12),  # half surrogate pairs and NUL too: JSON can say them
    st.sampled_from(["http://feed/a.csv", "web", "files", "http://feed/" + "x" * 5000, "i" * 256, "a ", "A", " "]),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip
documents = st.dictionaries(st.sampled_from(["url", "priority", "source", "id", "else"]), VALUES).map(
    lambda document: json.dumps(document).encode()
)
good = st.builds(
    lambda id_, tail: json.dumps({"url": f"http://feed/{tail}", "id": id_}).encode(),
    st.text(st.characters(), min_size=1, max_size=10),
    st.text(st.characters(), max_size=5),
)


@pytest.fixture(scope="module", params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with fresh_database(request.param, tmp_path_factory.mktemp("ledger")) as database:
        ledger = Ledger(database.engine, "default/fuzz")
        ledger.prepare()
        yield ledger


@given(st.one_of(damaged(CORPUS), documents, good))
def test_whatever_stands_in_the_inbox_can_be_recorded(ledger: Ledger, raw: bytes) -> None:
    """As the fetcher does it: an invalid task is recorded as failed, so nothing blocks the ones behind it."""
    sources = pipeline_of(
        http_source("http://feed/", name="web"), file_source(Path("/data/in"), name="files")
    ).spec.sources
    try:
        request = parse_request(raw)
        assigned = assign(request, sources, {"files": Path("/data/in")})
    except TaskInvalid as error:
        event("invalid")
        task_id = id_of(raw, 0)
        ledger.register_task(task_id, raw, None)
        ledger.update_task(task_id, state=TaskState.FAILED, reason=str(error))
        recorded = ledger.task(task_id)
        assert recorded is not None
        assert (recorded.raw, recorded.reason) == (raw, str(error))
        return
    event("valid")
    task_id = request.id or id_of(raw, 0)
    ledger.register_task(task_id, raw, request.url, request.priority, assigned.source.name)
    recorded = ledger.task(task_id)
    assert recorded is not None
    assert recorded.id == task_id, "another task stands under this id"


def test_the_corpus_has_tasks_that_are_taken() -> None:
    taken: list[Any] = []
    for raw in CORPUS:
        try:
            taken.append(parse_request(raw))
        except TaskInvalid:
            continue
    assert len(taken) == 5
