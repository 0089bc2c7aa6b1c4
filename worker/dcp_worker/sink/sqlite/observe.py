"""Reads the shape of a table from SQLite's own catalogue."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, text

from dcp_worker.sink.shape import ObservedColumn, ObservedTable, UniqueKey, unique_keys
from dcp_worker.sink.sqlite.fit import affinity

_DEFINITION = "SELECT sql FROM sqlite_master WHERE type IN ('table', 'view') AND LOWER(name) = LOWER(:table)"
_DEFERRED = re.compile(r"INITIALLY\s+DEFERRED", re.IGNORECASE)
_ON_INSERT = re.compile(r"\bINSERT\s+ON\b")


def observe_table(connection: Connection, table: str) -> ObservedTable | None:
    """The table's shape; None where there is no such table."""
    listed = connection.execute(
        text("SELECT type FROM sqlite_master WHERE type IN ('table', 'view') AND LOWER(name) = LOWER(:table)"),
        {"table": table},
    ).scalar()
    if listed is None:
        return None
    columns = list(connection.execute(text("SELECT * FROM pragma_table_xinfo(:table)"), {"table": table}))
    made = str(connection.execute(text(_DEFINITION), {"table": table}).scalar())
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    return ObservedTable(
        name=table,
        kind="BASE TABLE" if listed == "table" else "VIEW",
        engine=None,
        columns=tuple(_column(row) for row in columns),
        unique_keys=(*_unique_keys(connection, table), *_row_number(columns)),
        triggers=_insert_triggers(connection, table),
        late_rules=("a deferred foreign key",) if _DEFERRED.search(made) else (),
        has_rows=connection.exec_driver_sql(f"SELECT 1 FROM {quoted} LIMIT 1").first() is not None,  # noqa: S608
    )


def _insert_triggers(connection: Connection, table: str) -> tuple[str, ...]:
    found = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND LOWER(tbl_name) = LOWER(:table)"),
        {"table": table},
    )
    return tuple(name for name, sql in found if _ON_INSERT.search(str(sql).upper().partition("BEGIN")[0]))


def _row_number(columns: list[Any]) -> tuple[UniqueKey, ...]:
    """An INTEGER PRIMARY KEY, which is no index."""
    key = [row.name for row in columns if row.pk]
    [only] = [row for row in columns if row.pk] if len(key) == 1 else [None]
    return (UniqueKey("PRIMARY KEY", tuple(key)),) if only is not None and only.type.upper() == "INTEGER" else ()


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
        SELECT l.name AS name, i.name AS col, l.partial AS partial, i.coll AS coll
        FROM pragma_index_list(:table) l, pragma_index_xinfo(l.name) i
        WHERE l."unique" = 1 AND i.key = 1 ORDER BY l.name, i.seqno"""
    rows = connection.execute(text(query), {"table": table})
    return unique_keys([(row.name, row.col or "an expression", _whole(row)) for row in rows])


def _whole(row: Any) -> bool:
    return not row.partial and row.col is not None and row.coll == "BINARY"
