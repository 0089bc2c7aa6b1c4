"""Ledgers that another release made, or that were made by halves: brought up at the next start, with all they hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, inspect, text

from dcp_pipeline.ledger import Ledger, LedgerVersion, SinkDenied, schema
from dcp_pipeline.ledger.changes import CHANGES, SCHEMA_VERSION, Change
from dcp_pipeline.ledger.schema import check_schema, statements_for_missing
from dcp_pipeline.verify import FindingKind, verify
from support.databases import Database, fresh_database
from support.dcp_process import dcp, write_spec
from support.mariadb_server import documented_rights
from support.older_ledgers import PIPELINE, TABLE, VERSIONS, feed_of, load

TABLES = ("dcp_objects", "dcp_batches", "dcp_rejects", "dcp_specs", "dcp_tasks", "dcp_meta")
Shape = dict[str, Any]


def shape_of(engine: Engine) -> Shape:
    """Columns with their types, keys and indexes of all of the ledger's tables."""
    inspector = inspect(engine)
    return {
        table: (
            {each["name"]: (str(each["type"]), each["nullable"]) for each in inspector.get_columns(table)},
            {(each["name"], tuple(each["column_names"]), each["unique"]) for each in inspector.get_indexes(table)},
            inspector.get_pk_constraint(table)["constrained_columns"],
        )
        for table in inspector.get_table_names()
        if table.startswith("dcp_")
    }


@pytest.fixture
def fresh_shape(database: Database, tmp_path: Path) -> Shape:
    """Of a ledger that this release made."""
    (tmp_path / "fresh").mkdir()
    with fresh_database(database.kind, tmp_path / "fresh") as fresh:
        Ledger(fresh.engine, PIPELINE).prepare()
        return shape_of(fresh.engine)


def kept_rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.engine.connect() as connection:
        return {
            table: [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))]
            for table in (*TABLES, TABLE)
        }


def found(database: Database) -> dict[FindingKind, int]:
    kinds = [each.kind for each in verify(database.engine, PIPELINE, TABLE).findings]
    return {kind: kinds.count(kind) for kind in kinds}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_ledger_is_brought_up_and_keeps_all_it_holds(
    database: Database, fresh_shape: Shape, version: str
) -> None:
    load(version, database)
    before = kept_rows(database)
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    assert shape_of(database.engine) == fresh_shape
    for table, rows in kept_rows(database).items():
        assert [{name: row[name] for name in old} for row, old in zip(rows, before[table], strict=True)] == [
            old if table != "dcp_meta" or old["name"] != "schema" else old | {"value": str(SCHEMA_VERSION)}
            for old in before[table]
        ]
    assert found(database) == {FindingKind.PENDING: 2, FindingKind.DEAD: 1}
    books = ledger.books()
    assert {name: books.total(name) for name in ("read", "written", "duplicates", "rejected", "dead", "pending")} == {
        "read": 191, "written": 113, "duplicates": 7, "rejected": 7, "dead": 21, "pending": 43,
    }  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pipeline_of_an_older_release_goes_on_where_it_was(database: Database, tmp_path: Path, version: str) -> None:
    load(version, database)
    with feed_of(version) as spec:
        password = ", password: {secretKeyRef: {name: sink, key: password}}" if database.password else ""
        sink = f'  sink: {{sql: {{url: "{database.url}", table: {TABLE}{password}}}}}\n'
        (tmp_path / "spec.yaml").write_text(spec.read_text() + sink)
        env = {"DCP_SECRET_SINK_PASSWORD": database.password or ""}
        _, ran = dcp(tmp_path, "run", "spec.yaml", "--once", env=env)
    assert found(database) == {FindingKind.DEAD: 1}, ran.err()[-3000:]
    books = Ledger(database.engine, PIPELINE).books()
    assert books.balanced
    # What was read stays read; the 43 records whose batches nobody had are rows, duplicates and rejects now.
    assert (books.total("read"), books.total("pending"), books.total("dead")) == (191, 0, 21)
    assert books.total("written") + books.total("duplicates") + books.total("rejected") == 113 + 7 + 7 + 43
    assert len(books.objects) == 5


def test_a_right_that_was_missing_at_the_first_start_leaves_nothing_out(mysql_like: Database, tmp_path: Path) -> None:
    assert mysql_like.server
    name = str(mysql_like.engine.url.database)
    mysql_like.server.grant(name, documented_rights().replace(" INDEX,", ""), user="halfway")
    engine = mysql_like.connect_as("halfway")
    with pytest.raises(SinkDenied, match=r"INDEX command denied.*grants"):
        Ledger(engine, PIPELINE).prepare()
    assert inspect(mysql_like.engine).has_table("dcp_batches")
    mysql_like.server.grant(name, user="halfway")
    Ledger(engine, PIPELINE).prepare()
    engine.dispose()
    with fresh_database(mysql_like.kind, tmp_path) as fresh:
        Ledger(fresh.engine, PIPELINE).prepare()
        assert shape_of(mysql_like.engine) == shape_of(fresh.engine)


def test_what_an_administrator_dropped_is_there_again_at_the_next_start(database: Database, fresh_shape: Shape) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    on = "" if database.kind == "sqlite" else " ON dcp_{}"
    database.execute("DROP INDEX dcp_objects_uri" + on.format("objects"))
    database.execute("DROP INDEX dcp_batches_settled" + on.format("batches"))
    database.execute("ALTER TABLE dcp_batches DROP COLUMN kept_bytes")
    database.execute("DROP TABLE dcp_tasks")
    Ledger(database.engine, PIPELINE).prepare()
    assert shape_of(database.engine) == fresh_shape


def test_a_start_that_was_killed_between_any_two_statements_is_made_up_for(
    database: Database, fresh_shape: Shape
) -> None:
    killed_after = 0
    while _prepared_until(database, killed_after):
        killed_after += 1
        for table in TABLES:
            database.execute(f"DROP TABLE IF EXISTS {table}")
    assert killed_after > len(TABLES)
    Ledger(database.engine, PIPELINE).prepare()
    assert shape_of(database.engine) == fresh_shape


class Killed(BaseException):
    """What ends a process leaves no handler to run."""


def _prepared_until(database: Database, statements: int) -> bool:
    """Prepare in a process that ends after so many statements of DDL; whether it was. Then once more, in peace."""
    engine, left = database.connect(), [statements]

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(("CREATE", "ALTER")):
            if not left[0]:
                raise Killed
            left[0] -= 1

    event.listen(engine, "before_cursor_execute", count)
    try:
        Ledger(engine, PIPELINE).prepare()
    except Killed:
        killed = True
    else:
        killed = False
    engine.dispose()
    Ledger(database.engine, PIPELINE).prepare()
    with database.engine.connect() as connection:
        assert statements_for_missing(connection) == []
    return killed


def next_change(fill: Callable[[Connection], None]) -> tuple[Change, ...]:
    return (*CHANGES, Change(SCHEMA_VERSION + 1, "of a test", fill))


def test_what_stands_in_an_older_ledger_is_filled_once_and_again_where_that_was_killed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(VERSIONS[-1], database)
    Ledger(database.engine, PIPELINE).prepare()
    runs: list[str] = []

    def fill(connection: Connection) -> None:
        runs.append("run")
        connection.execute(text("UPDATE dcp_batches SET attempts = 7 WHERE attempts IS NULL"))
        if len(runs) == 1:
            raise Killed

    monkeypatch.setattr(schema, "CHANGES", next_change(fill))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(LedgerVersion, match=rf"version {SCHEMA_VERSION}, made by an older release"):
        check_schema(database.engine)
    with pytest.raises(Killed):
        Ledger(database.engine, PIPELINE).prepare()
    for _ in range(3):
        Ledger(database.engine, PIPELINE).prepare()
    assert len(runs) == 2
    assert database.execute("SELECT COUNT(*) FROM dcp_batches WHERE attempts IS NULL") in ([(0,)], ((0,),))
    check_schema(database.engine)
    monkeypatch.undo()
    with pytest.raises(LedgerVersion, match="made by a newer release"):
        Ledger(database.engine, PIPELINE).prepare()


def test_a_fresh_ledger_needs_no_filling(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: Connection) -> None:
        raise AssertionError

    monkeypatch.setattr(schema, "CHANGES", next_change(fill))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    Ledger(database.engine, PIPELINE).prepare()


@pytest.mark.parametrize("command", [["status"], ["verify"], ["rejects", "replay"]])
def test_a_command_that_looks_makes_no_tables(mariadb: Database, tmp_path: Path, command: list[str]) -> None:
    spec = write_spec(tmp_path / "spec.yaml", "http://127.0.0.1:9/", sink=mariadb.url)
    code, ran = dcp(tmp_path, *command, str(spec), env={"DCP_SECRET_SINK_PASSWORD": mariadb.password or ""})
    assert code == 1
    assert "there is no ledger in this database" in ran.err()
    assert mariadb.execute("SHOW TABLES") in ([], ())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_of_an_older_release_is_moved_by_the_command_line(
    sqlite: Database, tmp_path: Path, version: str
) -> None:
    load(version, sqlite)
    Ledger(sqlite.engine, PIPELINE).prepare()
    with feed_of(version) as spec:
        sink = f'  sink: {{sql: {{url: "{sqlite.url}", table: {TABLE}}}}}\n'
        (tmp_path / "spec.yaml").write_text(spec.read_text() + sink)
    [[rows]] = sqlite.execute(f"SELECT COUNT(*) FROM {TABLE}")
    code, moved = dcp(tmp_path, "migrate", "spec.yaml")
    assert (code, f"{rows} rows are moved" in moved.out()) == (0, True), moved.err()
    assert "nothing to do: its identities begin" in dcp(tmp_path, "migrate", "spec.yaml")[1].out()
    assert sqlite.execute(f"SELECT DISTINCT LENGTH(_dcp_id) FROM {TABLE}") == [(20,)]
    assert found(sqlite) == {FindingKind.PENDING: 2, FindingKind.DEAD: 1}
