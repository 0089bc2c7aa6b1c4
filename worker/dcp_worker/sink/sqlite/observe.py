"""Reads the shape of a table from SQLite's own catalogue."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, inspect, text

from dcp_worker.sink.shape import ObservedColumn, ObservedTable, UniqueKey, unique_keys
from dcp_worker.sink.sqlite.fit import affinity


def observe_table(connection: Connection, table: str) -> ObservedTable | None:
    """The table's shape; None where there is no such table."""
    listed = connection.execute(
        text("SELECT type FROM sqlite_master WHERE type IN ('table', 'view') AND LOWER(name) = LOWER(:table)"),
        {"table": table},
    ).scalar()
    if listed is None:
        return None
    inspector = inspect(connection)
    columns = connection.execute(text("SELECT * FROM pragma_table_xinfo(:table)"), {"table": table})
    triggers = connection.execute(
        text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND LOWER(tbl_name) = LOWER(:table)"),
        {"table": table},
    )
    return ObservedTable(
        name=table,
        kind="BASE TABLE" if listed == "table" else "VIEW",
        engine=None,
        columns=tuple(_column(row) for row in columns),
        unique_keys=_unique_keys(connection, table),
        checks=tuple(each["name"] or each["sqltext"] for each in inspector.get_check_constraints(table)),
        foreign_keys=tuple(each["name"] or "unnamed" for each in inspector.get_foreign_keys(table)),
        triggers=tuple(triggers.scalars()),
    )


def _column(row: Any) -> ObservedColumn:
    # An INTEGER PRIMARY KEY is the row's number, which SQLite counts by itself.
    row_number = bool(row.pk) and row.type.upper() == "INTEGER"
    return ObservedColumn(
        name=row.name,
        type=affinity(row.type),
        sql_type=row.type,
        nullable=not row.notnull and not row_number,
        filled_by_database=row.dflt_value is not None or row_number,
        auto_increment=row_number,
        generated=row.hidden in (2, 3),
    )


def _unique_keys(connection: Connection, table: str) -> tuple[UniqueKey, ...]:
    query = """
        SELECT l.name AS name, i.name AS col FROM pragma_index_list(:table) l, pragma_index_info(l.name) i
        WHERE l."unique" = 1 ORDER BY l.name, i.seqno"""
    rows = connection.execute(text(query), {"table": table})
    return unique_keys([(row.name, row.col or "an expression") for row in rows])
