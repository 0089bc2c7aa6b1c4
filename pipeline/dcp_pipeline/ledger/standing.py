"""What stands of the ledger's tables, and the statements that make up for what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.schema import CreateIndex, CreateTable

from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.ledger.tables import METADATA


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
