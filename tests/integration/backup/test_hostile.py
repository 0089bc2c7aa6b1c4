"""A backup that somebody else sealed: nothing of it is run or written that a backup of this pipeline would not hold."""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from sqlalchemy import inspect, text

from dcp_cli.backup.archive import MAGIC, Head, Page, Writer, read_archive
from dcp_cli.backup.restore import restore
from dcp_cli.errors import CommandFailed
from dcp_pipeline.errors import Unusable
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.changes import SCHEMA_VERSION
from dcp_pipeline.ledger.tables import BATCHES, OBJECTS
from dcp_pipeline.setup import load_setup
from support.databases import Database
from support.dcp_process import write_spec

MAKE = "CREATE TABLE botnet (_dcp_id BLOB, _dcp_batch BLOB, _dcp_record INT)"


def sealed(path: Path, *pages: Page, ddl: tuple[str, ...] = (MAKE,)) -> Path:
    head = Head(
        "default/botnet", "botnet", "sqlite", SCHEMA_VERSION, "0", "2026-10-01T00:00:00+00:00", ddl, {"read": 0}
    )
    with path.open("wb") as file:
        writer = Writer(file)
        for each in (head, *pages):
            writer.write(each)
        writer.seal()
    return path


def refused(folder: Path, database: Database, path: Path, said: str) -> None:
    """It is, and everything is as it was."""
    Ledger(database.engine, "default/other").prepare()
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS other (a TEXT)"))
        connection.execute(text("INSERT INTO other VALUES ('theirs')"))
    spec = write_spec(folder / "spec.yaml", "http://127.0.0.1:1/", sink=database.url)
    with pytest.raises(CommandFailed, match=said):
        restore(load_setup(str(spec), {}), path, "text")
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT a FROM other")).all() == [("theirs",)]
        assert connection.execute(text("SELECT COUNT(*) FROM dcp_meta WHERE value = 'forged'")).scalar() == 0
        assert connection.execute(text("SELECT COUNT(*) FROM dcp_specs")).scalar() == 0
    assert not inspect(database.engine).has_table("botnet")


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE other",
        "GRANT ALL ON *.* TO 'me'@'%'",
        "SELECT a FROM other INTO OUTFILE '/tmp/x'",
        "CREATE TABLE other2 (a TEXT)",
        "CREATE TABLE botnet_and_more (a TEXT)",
        "CREATE TABLE botnet (a TEXT) AS SELECT * FROM other",
        "CREATE TABLE botnet (a TEXT); DROP TABLE other",
        "CREATE TABLE `botnet` (a TEXT) ENGINE=FEDERATED CONNECTION='mysql://me@elsewhere/db/t'",
        "CREATE TABLE `botnet` (a TEXT) DATA DIRECTORY='/tmp'",
        "CREATE TRIGGER t AFTER INSERT ON botnet BEGIN DELETE FROM other; END",
        "CREATE UNIQUE INDEX i ON other (a)",
        "/* CREATE TABLE botnet ( */ DROP TABLE other",
    ],
)
def test_nothing_else_is_run_than_to_make_its_table(tmp_path: Path, sqlite: Database, statement: str) -> None:
    path = sealed(tmp_path / "b.dcp", ddl=(MAKE, statement))
    refused(tmp_path, sqlite, path, "something else than to make the table botnet")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (Page("other", ("a",), [["mine"]]), "rows of the table 'other'"),
        (Page("dcp_meta", ("name", "value"), [["table/other", "forged"]]), "whose name is 'table/other'"),
        (Page("dcp_meta", ("name", "value"), [["schema", "forged"]]), "whose name is 'schema'"),
        (Page("dcp_meta", ("name", "value"), [["released/default/botnet2/a", "x"]]), "'released/default/botnet2/a'"),
        (Page("dcp_meta", ("value",), [["forged"]]), "whose name is 'None'"),
        (Page("dcp_specs", ("pipeline", "revision", "document"), [["default/other", "1", "{}"]]), "'default/other'"),
        (Page("dcp_specs", ("pipeline", "x) SELECT a FROM other --"), [["default/botnet", 1]]), "columns of dcp_specs"),
    ],
)
def test_no_rows_of_others_are_written(tmp_path: Path, sqlite: Database, page: Page, said: str) -> None:
    refused(tmp_path, sqlite, sealed(tmp_path / "b.dcp", page), said)


@pytest.mark.parametrize("quoted", ["botnet", "`botnet`", '"botnet"', "[botnet]"])
def test_how_databases_tell_a_tables_statement_is_taken(tmp_path: Path, sqlite: Database, quoted: str) -> None:
    ddl = (
        f"CREATE TABLE {quoted} (_dcp_id BLOB, _dcp_batch BLOB, _dcp_record INT, a TEXT DEFAULT 'select; union')",
        f"CREATE UNIQUE INDEX i ON {quoted} (_dcp_id)",
    )
    spec = write_spec(tmp_path / "spec.yaml", "http://127.0.0.1:1/", sink=sqlite.url)
    restore(load_setup(str(spec), {}), sealed(tmp_path / "b.dcp", ddl=ddl), "text")
    assert inspect(sqlite.engine).has_table("botnet")


@pytest.mark.parametrize("table", ["dcp_batches", "dcp_rejects", "dcp_tasks", "botnet"])
def test_no_rows_hang_on_what_is_another_pipelines(tmp_path: Path, sqlite: Database, table: str) -> None:
    Ledger(sqlite.engine, "default/other").prepare()
    theirs, now = "ab" * 16, datetime(2026, 10, 1)
    object_of, batch_of = (
        {
            "id": theirs, "pipeline": "default/other", "source": "s", "uri": "u", "uri_digest": theirs, "version": "v",
            "revision": "r", "state": "cut", "header_end": 0, "header_lines": 0, "created_at": now, "updated_at": now,
        },
        {
            "id": theirs, "pipeline": "default/other", "object_id": theirs, "kind": "cut", "sequence": 0, "start": 0,
            "end": 1, "records": 1, "first_record": 1, "first_line": 1, "digest": theirs, "state": "done",
            "created_at": now,
        },
    )  # fmt: skip
    with sqlite.engine.begin() as connection:
        connection.execute(OBJECTS.insert(), [object_of])
        connection.execute(BATCHES.insert(), [batch_of])
    mine = "cd" * 16
    pages = {
        "dcp_batches": {**batch_of, "id": mine, "pipeline": "default/botnet", "created_at": "2026-10-01 00:00:00"},
        "dcp_rejects": {
            "batch_id": mine, "record": 1, "object_id": theirs, "line": 1, "start": 0, "code": "c", "reason": "r",
            "raw_bytes": 0, "raw_digest": mine, "state": "open",
        },
        "dcp_tasks": {
            "pipeline": "default/botnet", "id": "t", "raw": b"", "state": "done", "attempts": 0, "object_id": theirs,
            "created_at": "2026-10-01 00:00:00", "updated_at": "2026-10-01 00:00:00",
        },
        "botnet": {"_dcp_id": b"1", "_dcp_batch": bytes.fromhex(theirs), "_dcp_record": 1},
    }  # fmt: skip
    row = pages[table]
    page = Page(table, tuple(row), [list(row.values())])
    refused(tmp_path, sqlite, sealed(tmp_path / "b.dcp", page), "is another pipeline's")


BOMBS = {
    "lists in lists": b"\x93" + b"\xdd\x00\x00\x00\x01" + b"\x91" * 5000,
    "rows without an end": b"\xdd\x7f\xff\xff\xff" + b"\x90" * 1000,
    "nothing but beginnings": b"\x91" * 100_000,
}


@pytest.mark.parametrize("what", [*BOMBS, "a message of gigabytes", "a million of rows", "text that is none"])
def test_what_is_small_and_unpacks_without_end_is_told(tmp_path: Path, what: str) -> None:
    path = tmp_path / "b.dcp"
    head = Head("default/botnet", "botnet", "sqlite", SCHEMA_VERSION, "0", "t", (), {"read": 0})
    messages = {
        "a message of gigabytes": struct.pack(">I", (1 << 31) - 1) + bytes(1 << 20),
        "a million of rows": framed(
            msgspec.msgpack.encode({"type": "page", "table": "botnet", "columns": [], "rows": [[]] * 1_000_000})
        ),
        "text that is none": framed(b"\x82\xa4type\xa4page\xa5table\xa4\xff\xfe\xfd\xfc"),
    }
    with path.open("wb") as file:
        Writer(file)
        file.truncate(len(MAGIC))
        file.seek(len(MAGIC))
        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as stream:
            stream.write(framed(msgspec.msgpack.encode(head)))
            stream.write(messages.get(what) or framed(BOMBS[what]))
    with pytest.raises(Unusable, match="is damaged or cut off"):
        list(read_archive(path))


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_rows_that_are_large_go_into_several_messages(tmp_path: Path) -> None:
    path = tmp_path / "b.dcp"
    rows: list[list[Any]] = [[number, bytes(6 << 20)] for number in range(9)]
    sealed(path, Page("botnet", ("a", "b"), rows))
    pages = [each for each in read_archive(path) if isinstance(each, Page)]
    assert [row[0] for page in pages for row in page.rows] == list(range(9))
    assert len(pages) > 1
