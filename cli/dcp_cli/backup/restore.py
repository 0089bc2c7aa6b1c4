"""`dcp restore`: all of a backup in one transaction, where there is nothing of the pipeline; then verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from dcp_cli.backup.archive import Head, Page, read_archive
from dcp_cli.backup.bounds import check_page, check_references, check_statement
from dcp_cli.backup.contents import note_families, notes_of
from dcp_cli.errors import CommandFailed
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_cli.shown.summary import COUNTS, IN_JSON
from dcp_pipeline.connect import open_engine
from dcp_pipeline.database.errors import SinkUnavailable, short
from dcp_pipeline.database.rooms import name_of
from dcp_pipeline.database.transactions import Patience, Transactions
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.changes import SCHEMA_VERSION
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup
from dcp_pipeline.verify.verify import verify
from dcp_worker.sink.table import recorded_identity

_ONCE = Patience(attempts=1, lost_attempts=1)


def check(path: Path, output: str) -> int:
    """Read a backup to its end and say what it holds."""
    messages = read_archive(path)
    head, rows = _head(messages, path), dict[str, int]()
    for page in _pages(messages):
        rows[page.table] = rows.get(page.table, 0) + len(page.rows)
    told = {"pipeline": head.pipeline, "table": head.table, "taken_at": head.taken_at, "release": head.release}
    if output == "json":
        print_json({**told, "whole": True, "books": dict(head.books), "rows": rows})
    else:
        say(f"{path} is whole: {head.pipeline}, table {head.table}, of {head.taken_at}, by release {head.release}")
        say(", ".join(f"{head.books[name]:,} {name}" for name in _names(head)))
    return DONE


def _names(head: Head) -> tuple[str, ...]:
    """Of the counts; a release that knew of no retention wrote none of what had expired."""
    return (*COUNTS, *(each for each in IN_JSON if each not in COUNTS and each in head.books), "pending")


def restore(setup: Setup, path: Path, output: str) -> int:
    """Put a backup back; 1 where the books are not what they were afterwards."""
    messages = read_archive(path)
    head = _head(messages, path)
    _check_fits(head, setup, path)
    with ExitStack() as stack:
        engine = open_engine(setup, pool_size=2)
        stack.callback(engine.dispose)
        if name_of(engine) != head.dialect:
            raise CommandFailed(f"{path} is of {head.dialect}, the sink is {name_of(engine)}: name another by --sink")
        ledger = Ledger(engine, setup.pipeline.key)
        ledger.prepare()
        _put(engine, head, messages)
        report, books = verify(engine, head.pipeline, head.table), ledger.totals()
    now = {name: books.total(name) for name in _names(head)}
    good = report.balanced and now == dict(head.books)
    if output == "json":
        print_json({"restored": good, "books": now, "findings": [f"{e.uri}: {e.message}" for e in report.findings]})
    else:
        for finding in report.findings:
            say(f"{finding.kind.value:12}{finding.uri}: {finding.message}")
        say(", ".join(f"{now[name]:,} {name}" for name in now))
        say("restored and verified" if good else f"restored, but the books are NOT what they were: {dict(head.books)}")
    return DONE if good else FAILED


def _head(messages: Iterator[Head | Page], path: Path) -> Head:
    head = next(messages, None)
    if not isinstance(head, Head):
        raise CommandFailed(f"{path} has no head: it is no backup that this release can read")
    return head


def _pages(messages: Iterator[Head | Page]) -> Iterator[Page]:
    return (each for each in messages if isinstance(each, Page))


def _check_fits(head: Head, setup: Setup, path: Path) -> None:
    pipeline = setup.pipeline
    if (head.pipeline, head.table) != (pipeline.key, pipeline.table):
        raise CommandFailed(
            f"{path} is of {head.pipeline} and table {head.table}; the spec is of {pipeline.key} and {pipeline.table}"
        )
    if head.schema != SCHEMA_VERSION:
        raise CommandFailed(
            f"{path} holds a ledger of version {head.schema}, this release has {SCHEMA_VERSION}: restore it by release "
            f"{head.release}, then upgrade"
        )


def _put(engine: Engine, head: Head, messages: Iterator[Head | Page]) -> None:
    def work(connection: Connection) -> None:
        _check_empty(connection, head)
        families = tuple(note_families(head.pipeline).values())
        for page in _pages(messages):
            check_page(page, head, notes_of(head.pipeline, head.table).values(), families)
            check_references(connection, page, head)
            _check_same_identity(connection, page)
            _insert(connection, page)
        _check_identities(connection, head.table)

    transactions = Transactions(engine, _ONCE)
    made = transactions.write(lambda connection: _make_table(connection, head))
    try:
        transactions.write(work)
    except BaseException as error:
        if made and not _came_after_all(transactions, head):
            quoted = engine.dialect.identifier_preparer.quote_identifier(head.table)
            transactions.write(lambda connection: connection.exec_driver_sql(f"DROP TABLE {quoted}"))
        if isinstance(error, IntegrityError):
            told = f"nothing was restored: the database holds some of it already ({short(error)})"
            raise CommandFailed(f"{told}; restore into an empty one") from error
        raise


def _make_table(connection: Connection, head: Head) -> bool:
    """The clean table as it stood, where there is none. Whether it was made."""
    _check_empty(connection, head)
    if inspect(connection).has_table(head.table):
        return False
    for statement in head.table_ddl:
        check_statement(statement, head)
    for statement in head.table_ddl:
        connection.exec_driver_sql(statement)
    return bool(head.table_ddl)


def _came_after_all(transactions: Transactions, head: Head) -> bool:
    """Whether a commit whose answer was lost was one. While nobody can say, what may hold rows is left alone."""
    try:
        return transactions.read(lambda connection: _objects_there(connection, head)) > 0
    except SinkUnavailable:
        return True


def _check_same_identity(connection: Connection, page: Page) -> None:
    """Rows of two kinds of identity in one table could not be told to be duplicates of each other."""
    if page.table != "dcp_meta":
        return
    for name, value in ((row[page.columns.index("name")], row[page.columns.index("value")]) for row in page.rows):
        recorded = connection.execute(text("SELECT value FROM dcp_meta WHERE name = :name"), {"name": name}).scalar()
        if str(name).startswith("table/") and recorded is not None and json.loads(recorded) != json.loads(str(value)):
            raise CommandFailed(
                f"the rows of {str(name).removeprefix('table/')} are identified by {recorded} there, and by {value} in "
                "the backup: restore into an empty database (--sink URL)"
            )


def _check_identities(connection: Connection, table: str) -> None:
    """Half of a table that was being moved has identities of both lengths."""
    recorded = recorded_identity(connection, table)
    if recorded is None or not inspect(connection).has_table(table):
        return
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    query = text(f"SELECT COUNT(*) FROM {quoted} WHERE LENGTH(_dcp_id) <> :bytes")  # noqa: S608
    if wrong := connection.execute(query, {"bytes": recorded.bytes}).scalar():
        raise CommandFailed(
            f"nothing was restored: {wrong:,} rows have identities that are not the {recorded.bytes} bytes of "
            f"{table}: the backup was made while `dcp migrate` was at work"
        )


def _objects_there(connection: Connection, head: Head) -> int:
    query = text("SELECT COUNT(*) FROM dcp_objects WHERE pipeline = :pipeline")
    return int(connection.execute(query, {"pipeline": head.pipeline}).scalar_one())


def _check_empty(connection: Connection, head: Head) -> None:
    if number := _objects_there(connection, head):
        where = connection.engine.url.render_as_string(hide_password=True)
        raise CommandFailed(
            f"{where} has books of {head.pipeline} already ({number:,} objects): restore into an empty database "
            "(--sink URL), or remove the pipeline there first (docs/operations.md)"
        )


def _insert(connection: Connection, page: Page) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    columns = ", ".join(map(quote, page.columns))
    values = ", ".join(f":c{n}" for n in range(len(page.columns)))
    rows: list[dict[str, Any]] = [{f"c{n}": value for n, value in enumerate(row)} for row in page.rows]
    if page.table == "dcp_meta":
        # What this database says of itself stays; of the table it says nothing yet, or the same, which was checked.
        connection.execute(
            text("DELETE FROM dcp_meta WHERE name = :c0"), [{"c0": each} for each in {row["c0"] for row in rows}]
        )
    connection.execute(text(f"INSERT INTO {quote(page.table)} ({columns}) VALUES ({values})"), rows)  # noqa: S608
