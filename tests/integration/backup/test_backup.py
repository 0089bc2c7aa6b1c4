"""`dcp backup` and `dcp restore`: one moment of a pipeline in one file; all of it comes back, or nothing."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from dcp_cli.backup.archive import Head, Page, Writer, read_archive
from dcp_cli.backup.backup import back_up
from dcp_cli.backup.contents import parts_of
from dcp_cli.errors import CommandFailed
from dcp_pipeline.errors import Unusable
from dcp_pipeline.ledger import Ledger, connect
from dcp_pipeline.setup import load_setup
from support.botnet_feed import HEADER
from support.databases import KINDS, Database, fresh_database
from support.dcp_process import dcp, served, write_spec
from support.fleet import write_pipeline

GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"
LINES = [
    GOOD,
    GOOD,
    GOOD.replace("8.8.8.8", "8.8.8.888"),
    GOOD.replace("8.8.8.8", "9.9.9.9").replace("Mirai", "é%:x 'q'"),
]
HEAD = Head("default/a", "t", "sqlite", 3, "0", "2026-10-01T00:00:00+00:00", (), {"read": 0})


def rows_of(database: Database) -> list[tuple[object, ...]]:
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM botnet ORDER BY src_ip"))]


def ran(folder: Path, database: Database) -> str:
    """The spec of a pipeline that has cleaned LINES into a SQLite file."""
    feed = folder / "feed"
    feed.mkdir()
    (feed / "a.csv").write_text("\n".join([HEADER, *LINES]) + "\n")
    with served(feed) as url:
        spec = str(write_spec(folder / "spec.yaml", url, sink=database.url))
        dcp(folder, "run", spec, "--once")
    return spec


@pytest.mark.parametrize("kind", KINDS)
def test_books_and_rows_come_back_in_another_database(tmp_path: Path, kind: str) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "a.csv").write_text("\n".join([HEADER, *LINES]) + "\n")
    (tmp_path / "other").mkdir()
    copy = tmp_path / "copy.dcp"
    with (
        fresh_database(kind, tmp_path) as first,
        fresh_database(kind, tmp_path / "other") as second,
        served(feed) as url,
    ):
        secret = {"DB_PASSWORD": first.password} if first.password else {}
        spec = str(write_spec(tmp_path / "spec.yaml", url, sink=first.url))
        code, process = dcp(tmp_path, "run", spec, "--once", env=secret)
        assert code == 0, process.err()
        code, process = dcp(tmp_path, "backup", spec, str(copy), "-o", "json", env=secret)
        assert (code, process.answer()["rows"]["botnet"]) == (0, 2), process.err()
        code, process = dcp(tmp_path, "restore", spec, str(copy), env=secret)
        assert code == 1
        assert "has books of default/botnet already" in process.err()
        code, process = dcp(tmp_path, "restore", spec, str(copy), "--sink", second.url, "-o", "json", env=secret)
        assert (code, process.answer()["restored"]) == (0, True), process.err()
        assert process.answer()["books"]["rejected"] == 1
        assert rows_of(second) == rows_of(first)
        # The fetcher goes on where it was: nothing is read again.
        code, process = dcp(tmp_path, "run", spec, "--once", "--sink", second.url, "-o", "json", env=secret)
        assert (code, process.answer()["this_run"]["read"]) == (0, 0), process.err()


def test_many_rows_go_into_pages_that_a_restore_takes(tmp_path: Path, sqlite: Database) -> None:
    copy = tmp_path / "copy.dcp"
    spec = write_pipeline(tmp_path, "one", rows=10_001, more=f"  sink: {{sql: {{url: '{sqlite.url}', table: one}}}}\n")
    assert dcp(tmp_path, "run", str(spec), "--once")[0] == 0
    back_up(load_setup(spec, {}), copy, "text")
    pages = [len(each.rows) for each in read_archive(copy) if isinstance(each, Page) and each.table == "one"]
    assert (sum(pages), max(pages)) == (10_001, 2_000), "they are not all held in memory"


def test_a_backup_of_one_page_of_many_rows_is_read(tmp_path: Path) -> None:
    """As they were written once."""
    path = tmp_path / "b.dcp"
    rows = [[number] for number in range(60_000)]
    with path.open("wb") as file:
        writer = Writer(file)
        writer.write(HEAD)
        writer.write(Page("t", ("n",), rows))
        writer.seal()
    assert [each.rows for each in read_archive(path) if isinstance(each, Page)] == [rows]


def test_what_cannot_be_restored_whole_leaves_nothing(tmp_path: Path, sqlite: Database) -> None:
    copy, cut = tmp_path / "copy.dcp", tmp_path / "cut.dcp"
    spec = ran(tmp_path, sqlite)
    dcp(tmp_path, "backup", spec, str(copy))
    cut.write_bytes(copy.read_bytes()[:-20])
    before = copy.read_bytes()
    code, process = dcp(tmp_path, "backup", spec, str(copy))
    assert (code, copy.read_bytes()) == (1, before)
    assert "--overwrite" in process.err()
    assert dcp(tmp_path, "backup", spec, str(copy), "--overwrite")[0] == 0
    for name, content in (("ibdata1", b"\0" * 64), ("another.dcp", b"dcp backup 2\n")):
        (tmp_path / name).write_bytes(content)
        code, process = dcp(tmp_path, "backup", spec, str(tmp_path / name), "--overwrite")
        assert (code, (tmp_path / name).read_bytes()) == (1, content)
        assert "is no backup of dcp's, and stays" in process.err()
    (tmp_path / "ours").touch()
    assert dcp(tmp_path, "backup", spec, str(tmp_path / "ours"), "--overwrite")[0] == 0
    code, process = dcp(tmp_path, "restore", spec, str(cut), "--sink", f"sqlite:///{tmp_path}/new.db")
    assert code == 1
    assert "damaged or cut off" in process.err()
    code, process = dcp(tmp_path, "restore", spec, str(copy), "--sink", f"sqlite:///{tmp_path}/new.db", "-o", "json")
    assert (code, process.answer()["restored"]) == (0, True), process.err()


def test_what_a_person_released_and_the_days_of_sources_come_back(tmp_path: Path, sqlite: Database) -> None:
    spec, copy = ran(tmp_path, sqlite), tmp_path / "copy.dcp"
    mine = [("day/default/botnet/feed/2026-10-01", "{}"), ("released/default/botnet/ab", "by a person")]
    for name, value in [*mine, ("released/default/botnet2/cd", "by another"), ("day/default/other/s/2026-10-01", "{}")]:
        sqlite.execute(f"INSERT INTO dcp_meta (name, value) VALUES ('{name}', '{value}')")
    dcp(tmp_path, "backup", spec, str(copy))
    new = f"sqlite:///{tmp_path}/new.db"
    code, process = dcp(tmp_path, "restore", spec, str(copy), "--sink", new)
    assert code == 0, process.err()
    with connect(new).connect() as connection:
        query = text("SELECT name, value FROM dcp_meta WHERE name LIKE 'day/%' OR name LIKE 'rel%' ORDER BY name")
        assert [tuple(row) for row in connection.execute(query)] == mine


def test_what_is_committed_while_a_backup_is_written_is_not_torn_into_it(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write_spec(tmp_path / "spec.yaml", "http://127.0.0.1:9/", sink=database.url)
    environment = {"DCP_STATE_DIR": str(tmp_path), **({"DB_PASSWORD": database.password} if database.password else {})}
    Ledger(database.engine, "default/botnet").prepare()
    meanwhile = (
        "INSERT INTO dcp_specs (pipeline, revision, document, created_at) "
        "VALUES ('default/botnet', 'r{}', 'x', '2026-10-01 00:00:00')"
    )
    database.execute(meanwhile.format(0))

    numbers = itertools.count(1)

    class WhileOthersCommit(Writer):
        def write(self, message: Head | Page) -> None:
            database.execute(meanwhile.format(next(numbers)))
            super().write(message)

    monkeypatch.setattr("dcp_cli.backup.backup.Writer", WhileOthersCommit)
    back_up(load_setup(spec, environment), tmp_path / "copy.dcp", "json")
    pages = [each for each in read_archive(tmp_path / "copy.dcp") if isinstance(each, Page)]
    assert [[row[1] for row in page.rows] for page in pages if page.table == "dcp_specs"] == [["r0"]]
    assert len(database.execute("SELECT revision FROM dcp_specs")) > 1


def test_of_a_table_that_is_being_moved_no_backup_is_made(tmp_path: Path, database: Database) -> None:
    spec = write_spec(tmp_path / "spec.yaml", "http://127.0.0.1:9/", sink=database.url)
    environment = {"DCP_STATE_DIR": str(tmp_path), **({"DB_PASSWORD": database.password} if database.password else {})}
    Ledger(database.engine, "default/botnet").prepare()
    database.execute("INSERT INTO dcp_meta VALUES ('moving/botnet', 'dcp migrate'), ('moving/other', 'dcp migrate')")
    setup, copy = load_setup(spec, environment), tmp_path / "copy.dcp"
    with pytest.raises(CommandFailed, match="botnet is being moved by `dcp migrate`"):
        back_up(setup, copy, "json")
    assert not list(tmp_path.glob("*.dcp*"))
    assert not list(tmp_path.glob(".*.dcp*"))
    database.execute("DELETE FROM dcp_meta WHERE name = 'moving/botnet'")
    assert back_up(setup, copy, "json") == 0


def test_a_table_whose_rows_are_identified_otherwise_is_not_restored_into(tmp_path: Path, sqlite: Database) -> None:
    copy, there = tmp_path / "copy.dcp", tmp_path / "there.db"
    spec = ran(tmp_path, sqlite)
    assert dcp(tmp_path, "backup", spec, str(copy))[0] == 0
    other = f"sqlite:///{there}"
    assert dcp(tmp_path, "restore", spec, str(copy), "--sink", other)[0] == 0
    with connect(other).begin() as connection:
        connection.execute(text("DELETE FROM dcp_objects"))
        connection.execute(text("DELETE FROM dcp_batches"))
        connection.execute(text("DELETE FROM dcp_rejects"))
        connection.execute(text("DELETE FROM dcp_specs"))
        changed = text("UPDATE dcp_meta SET value = replace(value, 'seen_at', 'src_ip') WHERE name = 'table/botnet'")
        assert connection.execute(changed).rowcount == 1
        before = connection.execute(text("SELECT value FROM dcp_meta WHERE name = 'table/botnet'")).scalar()
    code, process = dcp(tmp_path, "restore", spec, str(copy), "--sink", other)
    assert code == 1
    assert "are identified by" in process.err()
    with connect(other).begin() as connection:
        assert connection.execute(text("SELECT value FROM dcp_meta WHERE name = 'table/botnet'")).scalar() == before
        assert connection.execute(text("SELECT COUNT(*) FROM dcp_objects")).scalar() == 0


def test_half_of_a_move_is_not_restored(tmp_path: Path, sqlite: Database) -> None:
    """As a backup holds it that was made before moves were looked for."""
    copy, other = tmp_path / "copy.dcp", f"sqlite:///{tmp_path}/there.db"
    spec = ran(tmp_path, sqlite)
    sqlite.execute("UPDATE botnet SET _dcp_id = substr(_dcp_id, 5) WHERE src_ip = '9.9.9.9'")
    assert dcp(tmp_path, "backup", spec, str(copy))[0] == 0
    code, process = dcp(tmp_path, "restore", spec, str(copy), "--sink", other)
    assert code == 1
    assert "1 rows have identities that are not the 20 bytes" in process.err()
    with connect(other).begin() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM dcp_objects")).scalar() == 0
        assert not inspect(connection).has_table("botnet")


def test_no_digit_of_a_float_is_lost(database: Database) -> None:
    Ledger(database.engine, "default/botnet").prepare()
    kind = "BLOB" if database.kind == "sqlite" else "BINARY(16)"
    database.execute(f"CREATE TABLE own (f FLOAT, _dcp_id {kind}, _dcp_batch {kind}, _dcp_record BIGINT)")
    batch = "0123456789abcdef" * 2
    database.execute(
        "INSERT INTO dcp_batches (id, pipeline, object_id, kind, sequence, start, `end`, records, first_record, "
        f"first_line, digest, state, created_at) VALUES ('{batch}', 'default/botnet', 'o', 'cut', 0, 0, 1, 1, 1, 1, "
        "'d', 'done', '2026-10-01 00:00:00')"
    )
    for value in ("16777215", "1234567.5", "NULL"):
        database.execute(f"INSERT INTO own VALUES ({value}, x'{'00' * 16}', x'{batch}', 1)")
    with database.engine.connect() as connection:
        *_, rows = parts_of(connection, "own")
        found = {row[0] for row in connection.execute(text(rows.query), {"pipeline": "default/botnet"})}
    assert found == {16777215.0, 1234567.5, None}


def written(path: Path, *pages: Page) -> Path:
    with path.open("wb") as file:
        writer = Writer(file)
        writer.write(HEAD)
        for page in pages:
            writer.write(page)
        writer.seal()
    return path


def test_any_byte_that_changes_is_told(tmp_path: Path) -> None:
    page = Page("t", ("a", "b"), [[n, Decimal("1.50")] for n in range(50)])
    whole = written(tmp_path / "whole", page)
    _, read = read_archive(whole)
    assert isinstance(read, Page)
    assert read.rows[7] == [7, "1.50"]
    data = whole.read_bytes()
    for at in range(0, len(data), 7):
        (tmp_path / "bad").write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        with pytest.raises(Unusable):
            list(read_archive(tmp_path / "bad"))
    for at in range(0, len(data), 11):
        (tmp_path / "bad").write_bytes(data[:at])
        with pytest.raises(Unusable):
            list(read_archive(tmp_path / "bad"))
    (tmp_path / "bad").write_bytes(data + b"x")
    with pytest.raises(Unusable):
        list(read_archive(tmp_path / "bad"))
