"""Makes the ledger's tables, and brings those of an older release up.

What is missing is found by comparing what stands with tables.py, at each start, so that what failed once (a right that
was not granted, a process that was killed between two statements) is made up for. changes.py says what else an older
ledger needs. All of it under a named lock: processes that start together do not collide.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, insert, inspect, select, update
from sqlalchemy.schema import CreateIndex, CreateTable

from dcp_pipeline.database.errors import LedgerVersion
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.ledger.changes import CHANGES, SCHEMA_VERSION
from dcp_pipeline.ledger.tables import META, METADATA

_NAME = "schema"


def prepare_schema(engine: Engine) -> None:
    """Make the ledger's tables where they do not stand as this release needs them.

    Raises LedgerVersion where a newer release made them, SinkUnavailable; SinkDenied where the server will not have it.
    """
    transactions = Transactions(engine)
    transactions.read(dialect_of(engine).check_server)
    if not transactions.read(_is_whole):
        transactions.write(_bring_up)


def check_schema(engine: Engine) -> None:
    """For those who only look: nothing is made.

    Raises LedgerVersion where the tables are not of this release, or there are none; SinkUnavailable.
    """
    recorded = recorded_version(engine)
    if recorded is None:
        raise LedgerVersion("there is no ledger in this database: no pipeline has run with this sink yet")
    if recorded < SCHEMA_VERSION:
        raise LedgerVersion(
            f"the ledger's tables are of version {recorded}, made by an older release; this one needs "
            f"{SCHEMA_VERSION}. The next start of its fetcher, a worker or `dcp run` brings them up"
        )


def recorded_version(engine: Engine) -> int | None:
    """Of the ledger that there is, however old; None where there is none. Raises LedgerVersion for a newer one."""
    return Transactions(engine).read(_recorded_version)


def _is_whole(connection: Connection) -> bool:
    return not statements_for_missing(connection) and _recorded_version(connection) == SCHEMA_VERSION


def _recorded_version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(META.name):
        return None
    recorded = connection.execute(select(META.c.value).where(META.c.name == _NAME)).scalar()
    if recorded is not None and int(recorded) > SCHEMA_VERSION:
        raise LedgerVersion(
            f"the ledger's tables are of version {recorded}, made by a newer release; this one knows {SCHEMA_VERSION}"
        )
    return None if recorded is None else int(recorded)


def _bring_up(connection: Connection) -> None:
    with dialect_of(connection).ddl_lock(connection):
        recorded = _recorded_version(connection)
        for statement in statements_for_missing(connection):
            connection.exec_driver_sql(statement)
        for change in CHANGES:
            if recorded is not None and change.version > recorded and change.fill is not None:
                change.fill(connection)
        # Last: whoever is killed before finds an older version, and does all of it again.
        _record(connection, recorded)
        # Before the lock is given back: the next one must see it.
        connection.commit()


def _record(connection: Connection, recorded: int | None) -> None:
    if recorded is None:
        connection.execute(insert(META).values(name=_NAME, value=str(SCHEMA_VERSION)))
    elif recorded < SCHEMA_VERSION:
        connection.execute(update(META).where(META.c.name == _NAME).values(value=str(SCHEMA_VERSION)))


def statements_for_missing(connection: Connection) -> list[str]:
    """The statements that make the tables, columns and indexes of tables.py that are not there, in order."""
    return list(_missing(connection))


def _missing(connection: Connection) -> Iterator[str]:
    dialect = dialect_of(connection)
    standing = dialect.standing(connection, [table.name for table in METADATA.sorted_tables])
    tables = {table for table, _ in standing}
    compiler = connection.dialect.ddl_compiler(connection.dialect, None)  # type: ignore[arg-type]
    for table in METADATA.sorted_tables:
        if table.name not in tables:
            yield f"{_compiled(connection, CreateTable(table))} {dialect.table_options}"
        else:
            for column in table.columns:
                if (table.name, column.name) not in standing:
                    yield f"ALTER TABLE {table.name} ADD COLUMN {compiler.get_column_specification(column)}"
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            if (table.name, str(index.name)) not in standing:
                yield _compiled(connection, CreateIndex(index))


def _compiled(connection: Connection, element: CreateTable | CreateIndex) -> str:
    return str(element.compile(dialect=connection.dialect)).strip()
