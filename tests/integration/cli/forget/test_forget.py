"""`dcp forget`: what a pipeline left beside its rows goes, all of it; its rows and what is others' stay."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import NoReturn

import pytest
import redis
from sqlalchemy import insert, select

from dcp_cli.forget import books, command
from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import Cut, SourceObject
from dcp_pipeline.ledger.tables import BATCHES, META, METADATA, OBJECTS, REJECTS, TOTALS
from dcp_pipeline.observe.report import Report, publish
from dcp_pipeline.queue import Inbox, Job, Queue
from dcp_pipeline.setup import load_setup
from support.databases import PIPELINE, Database
from support.dcp_process import dcp
from support.fleet import write_pipeline
from support.redis_server import valkey_server

OTHER = "default/test-2"
"""Whose name begins as the other's."""


def record(ledger: Ledger, mark: str, batches: int) -> None:
    """An object with batches, a reject each; and everything else that a ledger keeps of a pipeline."""
    object_id = mark * 32
    ledger.open_object(SourceObject(object_id, ledger.pipeline, "s", "u", "v", "r"))
    ids = [f"{mark}{number:031x}" for number in range(batches)]
    cuts = [Cut(each, n, n * 10, n * 10 + 10, 1, n + 1, n + 1, "d" * 32) for n, each in enumerate(ids)]
    ledger.record_cuts(object_id, cuts)
    ledger.save_spec("r", b"{}")
    assert ledger.register_task(f"task-{mark}", b"{}", None)
    of_table = {"state": "open", "code": "type-error", "reason": "x", "raw_bytes": 1, "raw_digest": "e" * 32}
    with ledger.engine.begin() as connection:
        for number, each in enumerate(ids):
            place = {"batch_id": each, "record": number, "object_id": object_id, "line": 1, "start": 0}
            connection.execute(insert(REJECTS).values(**place, **of_table))
        counts = dict.fromkeys(("batches", "read", "written", "duplicates", "rejected", "filtered", "remarked"), 1)
        sums = {"pipeline": ledger.pipeline, "source": "s", "state": "cut", "objects": 1}
        connection.execute(insert(TOTALS).values(**sums, **counts))
        for name in ("epoch/{}", "forgotten/{}", "released/{}/1", "day/{}/s/2026-11-29"):
            connection.execute(insert(META).values(name=name.format(ledger.pipeline), value="1"))


def everything(database: Database) -> dict[str, set[str]]:
    """All that the ledger's tables hold."""
    with database.engine.connect() as connection:
        return {
            each.name: {str(tuple(row)) for row in connection.execute(select(each))} for each in METADATA.sorted_tables
        }


@pytest.mark.parametrize(("batches", "at_once"), [(1, 50), (7, 3)])
def test_books_go_and_those_of_another_pipeline_in_the_same_ledger_stay_as_they_are(
    database: Database, monkeypatch: pytest.MonkeyPatch, batches: int, at_once: int
) -> None:
    monkeypatch.setattr(books, "BATCHES_AT_ONCE", at_once)
    other = Ledger(database.engine, OTHER)
    other.prepare()
    record(other, "b", 2)
    with database.engine.begin() as connection:
        connection.execute(insert(META).values(name="table/clean", value="of the rows"))
    before = everything(database)
    record(Ledger(database.engine, PIPELINE), "a", batches)
    counted = books.count_books(database.engine, PIPELINE)
    assert counted == {"objects": 1, "batches": batches, "rejects": batches, "tasks": 1}
    assert books.forget_books(database.engine, PIPELINE) == counted
    assert everything(database) == before
    assert set(books.forget_books(database.engine, PIPELINE).values()) == {0}


def test_one_that_is_killed_half_way_is_ended_by_the_next(mariadb: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(mariadb.engine, PIPELINE)
    ledger.prepare()
    record(ledger, "a", 6)
    monkeypatch.setattr(books, "BATCHES_AT_ONCE", 2)
    monkeypatch.setattr(books, "_some_objects", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        books.forget_books(mariadb.engine, PIPELINE)
    monkeypatch.undo()
    left = books.count_books(mariadb.engine, PIPELINE)
    assert (left["objects"], left["batches"], left["rejects"]) == (1, 0, 0)
    assert books.forget_books(mariadb.engine, PIPELINE)["objects"] == 1
    with mariadb.engine.connect() as connection:
        found = [connection.execute(select(each.c.id)).all() for each in (OBJECTS, BATCHES)]
    assert found == [[], []]


def test_a_database_without_a_ledger_has_nothing_to_forget(database: Database) -> None:
    assert books.forget_books(database.engine, PIPELINE) == {}


def keys_of(client: redis.Redis, queue: str) -> list[bytes]:
    return sorted(client.scan_iter(match=f"*{queue}*", count=1000))


def rows(folder: Path) -> int:
    with sqlite3.connect(folder / "one.db") as connection:
        return int(connection.execute("SELECT COUNT(*) FROM one").fetchone()[0])


def test_a_whole_pipeline_is_forgotten_and_may_begin_anew(tmp_path: Path) -> None:
    with valkey_server() as server:
        spec = write_pipeline(tmp_path, "one", rows=30, more=f"  queue: {{redis: {{url: '{server.url}'}}}}\n")
        (tmp_path / "feed-one" / "bad.csv").write_text("n\nx\n7\n")
        assert dcp(tmp_path, "run", str(spec), "--once")[0] == 0
        client = server.client()
        name = "default.one"
        queue = Queue(client, name, pipeline="default/one")
        queue.enqueue([Job("left", b"x", pipeline="default/one")])
        Inbox(client, name).push("{}")
        client.delete(queue.keys.workers, queue.keys.vitals)
        Queue(client, "default.one2").enqueue([Job("a", b"x", pipeline="default/one2")])
        others = keys_of(client, "default.one2")

        before = keys_of(client, name)
        code, counted = dcp(tmp_path, "forget", str(spec))
        assert (code, keys_of(client, name)) == (2, before)
        assert "nothing was deleted: --yes forgets default/one; the rows of one stay" in counted.err()
        publish(client, name, "fetcher", Report(at=time.time()))
        code, refused = dcp(tmp_path, "forget", str(spec), "--yes")
        assert (code, "its fetcher is at work" in refused.err()) == (1, True), refused.err()
        assert dcp(tmp_path, "verify", str(spec))[0] == 0, "it is whole still"

        code, forgotten = dcp(tmp_path, "forget", str(spec), "--yes", "--force", "-o", "json")
        answer = forgotten.answer()
        assert (code, answer["forgotten"]) == (0, True), forgotten.err()
        wanted = {"queued": 1, "dead": 0, "inbox": 1, "objects": 2, "batches": 2, "rejects": 1, "tasks": 0}
        assert answer["counts"] == wanted
        assert keys_of(client, name) == others
        assert rows(tmp_path) == 30, "the rows stay"
        assert dcp(tmp_path, "forget", str(spec), "--yes")[0] == 0, "once more is no error"

        code, run = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
        found = {each: run.answer()[each] for each in ("read", "written", "duplicates", "rejected")}
        assert found == {"read": 32, "written": 0, "duplicates": 31, "rejected": 1}, "what stands there is not doubled"
        client.close()


def test_what_cannot_be_reached_is_told_and_the_other_side_goes(tmp_path: Path) -> None:
    with valkey_server() as server:
        more = f"  queue: {{redis: {{url: '{server.url}'}}}}\n"
        spec = write_pipeline(tmp_path, "one", rows=3, more=more)
        assert dcp(tmp_path, "run", str(spec), "--once")[0] == 0
    code, forgotten = dcp(tmp_path, "forget", str(spec), "--yes", "-o", "json")
    answer = forgotten.answer()
    assert (code, answer["forgotten"], answer["counts"]["objects"]) == (1, False, 1)
    assert "the queue cannot be reached" in json.dumps(answer["troubles"])
    code, none = dcp(tmp_path, "forget", str(spec), "--yes")
    assert code == 1, none.out()
    assert dcp(tmp_path, "forget", str(spec), "--yes", "--redis", "redis://127.0.0.1:1/0")[0] == 1


def test_a_server_that_repeats_the_password_has_it_told_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = ("Hunter2-of-the-sink", "another-1-of-the-queue")
    spec = write_pipeline(tmp_path, "one", rows=3, more="  queue: {redis: {url: 'redis://127.0.0.1:1/0'}}\n")
    setup = load_setup(str(spec), {})
    for each in secrets:
        setup.secrets.remember(each)

    def refused(*_: object) -> NoReturn:
        raise SinkUnavailable(f"1045: Denied {secrets[0]}")

    def not_there(*_: object) -> NoReturn:
        raise redis.ConnectionError(f"WRONGPASS {secrets[1]}")

    monkeypatch.setattr(command, "engine_of", refused)
    monkeypatch.setattr(command, "_of_queue", not_there)
    for output in ("text", "json"):
        assert command.forget(setup, yes=True, force=True, output=output) == 1
        told = capsys.readouterr()
        assert "1045: Denied" in told.out
        assert not [each for each in secrets if each in told.out + told.err]
