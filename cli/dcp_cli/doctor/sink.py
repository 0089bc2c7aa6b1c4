"""The sink: can it be reached, does the user have the rights, does the table fit, is a commit kept?"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from dcp_cli.dialects import DatabaseLook, asked
from dcp_cli.doctor.machine import standing
from dcp_cli.findings.finding import Findings, ok, warning, wrong
from dcp_cli.findings.limits import disk, skew
from dcp_pipeline.connect import open_engine
from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.errors import LedgerError, TableMismatch, short
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Patience, Transactions
from dcp_pipeline.dialects import facts_of
from dcp_pipeline.ledger.changes import SCHEMA_VERSION
from dcp_pipeline.ledger.schema import statements_for_missing
from dcp_pipeline.ledger.tables import META
from dcp_pipeline.setup import Setup

_QUICKLY = Patience(attempts=2, lost_attempts=1)


def sink(setup: Setup) -> Findings:
    """Findings; where it cannot be reached, only that."""
    facts = facts_of(setup.sink_url)
    path = facts.path_in(setup.sink_url) if facts else None
    if path is not None:
        yield from _place(Path(path))
        if not Path(path).is_file():
            return
    engine = open_engine(setup, pool_size=1)
    try:
        yield from _server(setup, engine)
    finally:
        engine.dispose()


def _place(path: Path) -> Findings:
    folder = standing(path.parent)
    if path.exists() and not path.is_file():
        yield wrong("sink.connection", f"{path} is no file", "name another in spec.sink.sql.url")
        return
    written = path if path.exists() else folder
    if not os.access(written, os.W_OK) or not os.access(folder, os.W_OK | os.X_OK):
        mend = "give this user the right to write to the file and its folder (SQLite makes files beside it)"
        yield wrong("sink.rights", f"{written} cannot be written to by this user", mend)
    elif not path.exists():
        yield ok("sink.connection", f"{path} is not there yet; the first run makes it")
    yield disk("sink.disk", str(folder), shutil.disk_usage(folder).free)


def _server(setup: Setup, engine: Engine) -> Findings:
    where = engine.url.render_as_string(hide_password=True)
    transactions = Transactions(engine, _QUICKLY)
    try:
        begun = time.time()
        theirs = transactions.read(lambda each: each.execute(select(utc_now())).scalar())
        ended = time.time()
    except LedgerError as error:
        yield wrong("sink.connection", str(error))
        return
    moment = theirs if isinstance(theirs, datetime) else datetime.fromisoformat(str(theirs))
    yield ok("sink.connection", f"{where} answers")
    yield skew("sink.clock", moment.replace(tzinfo=UTC).timestamp(), begun, ended)
    for about, look in _looks(engine):
        try:
            yield from transactions.read(lambda connection, look=look: list(look(setup, connection)))  # type: ignore[misc]
        except (LedgerError, SQLAlchemyError) as error:
            yield wrong(about, short(error))


def _looks(engine: Engine) -> Iterator[tuple[str, DatabaseLook]]:
    """Each in a transaction of its own: what one may not see hinders no other."""
    yield "sink.settings", _settings
    yield from asked(engine).looks.items()
    yield "sink.durability", _durability
    yield "sink.table", _table
    yield "sink.ledger", _ledger


def _settings(_: Setup, connection: Connection) -> Findings:
    dialect_of(connection).check_server(connection)
    yield from ()


def _durability(_: Setup, connection: Connection) -> Findings:
    weak = dialect_of(connection).warnings(connection)
    yield from (warning("sink.durability", each) for each in weak)
    if not weak:
        yield ok("sink.durability", "a commit is on the disk")


def _table(setup: Setup, connection: Connection) -> Findings:
    from dcp_worker.sink.table import look_at_table

    table = setup.pipeline.table
    try:
        stands = look_at_table(connection, setup.pipeline.spec.cleaning, table)
    except TableMismatch as error:
        yield wrong("sink.table", str(error), "run the script that the message has, or name another table")
    else:
        yield ok("sink.table", f"{table} {'fits the spec' if stands else 'is not there yet; the first run makes it'}")


def _ledger(_: Setup, connection: Connection) -> Findings:
    if not inspect(connection).has_table(META.name):
        yield ok("sink.ledger", "is not there yet; the first run makes it")
        return
    missing = len(statements_for_missing(connection))
    recorded = connection.execute(select(META.c.value).where(META.c.name == "schema")).scalar()
    if recorded is not None and int(recorded) > SCHEMA_VERSION:
        says = f"the ledger is of version {recorded}, this release knows {SCHEMA_VERSION}"
        yield wrong("sink.ledger", says, "install the newer release here too")
    elif missing:
        yield ok("sink.ledger", f"{missing} changes are made at the next start of this release")
    else:
        yield ok("sink.ledger", f"version {recorded}")
