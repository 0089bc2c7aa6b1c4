"""What stands of the ledger's tables, and the statements that make up for what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Inspector, Table, inspect
from sqlalchemy.schema import CreateIndex, CreateTable

from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.ledger.tables import METADATA


def statements_for_missing(connection: Connection) -> list[str]:
    """The statements that make the tables, columns and indexes of tables.py that are not there, in order."""
    return list(_missing(connection))


def _missing(connection: Connection) -> Iterator[str]:
    inspector = inspect(connection)
    standing = set(inspector.get_table_names())
    for table in METADATA.sorted_tables:
        if table.name not in standing:
            yield _compiled(connection, CreateTable(table)) + f" {dialect_of(connection).table_options}"
            indexes: set[str | None] = set()
        else:
            yield from _missing_columns(connection, inspector, table)
            indexes = {each["name"] for each in inspector.get_indexes(table.name)}
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            if index.name not in indexes:
                yield _compiled(connection, CreateIndex(index))


def _missing_columns(connection: Connection, inspector: Inspector, table: Table) -> Iterator[str]:
    standing = {each["name"] for each in inspector.get_columns(table.name)}
    compiler = connection.dialect.ddl_compiler(connection.dialect, None)  # type: ignore[arg-type]
    for column in table.columns:
        if column.name not in standing:
            yield f"ALTER TABLE {table.name} ADD COLUMN {compiler.get_column_specification(column)}"


def _compiled(connection: Connection, element: CreateTable | CreateIndex) -> str:
    return str(element.compile(dialect=connection.dialect)).strip()
