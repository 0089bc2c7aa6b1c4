"""A backup that somebody else sealed: nothing of it is run or written that a backup of this pipeline would not hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from dcp_cli.backup.archive import Head, Page, Writer
from dcp_cli.backup.restore import restore
from dcp_cli.errors import CommandFailed
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.changes import SCHEMA_VERSION
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
