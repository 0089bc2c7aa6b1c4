"""Reads the shape of a table from MySQL's or MariaDB's own catalogue."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, text

from dcp_worker.sink.shape import ObservedColumn, ObservedTable, unique_keys

_COLUMNS = """
    SELECT COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_TYPE AS sql_type, IS_NULLABLE AS nullable,
        COLUMN_DEFAULT AS fallback, EXTRA AS extra, CHARACTER_MAXIMUM_LENGTH AS chars,
        CHARACTER_OCTET_LENGTH AS octets, NUMERIC_PRECISION AS digits, NUMERIC_SCALE AS scale,
        DATETIME_PRECISION AS fraction
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table
    ORDER BY ORDINAL_POSITION"""
_TABLE = """
    SELECT TABLE_TYPE AS kind, ENGINE AS engine FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table"""
_KEYS = """
    SELECT INDEX_NAME AS name, COLUMN_NAME AS col, SUB_PART AS part FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table AND NON_UNIQUE = 0
    ORDER BY INDEX_NAME, SEQ_IN_INDEX"""
_TRIGGERS = """
    SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
    WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = :table
      AND EVENT_MANIPULATION = 'INSERT' AND ACTION_TIMING = 'BEFORE' ORDER BY TRIGGER_NAME"""
_DEFINED = re.compile(r"^\s*`((?:[^`]|``)+)` (.*?),?$")


def observe_table(connection: Connection, table: str) -> ObservedTable | None:
    """The table's shape; None where there is no such table."""

    def rows(query: str) -> list[Any]:
        return list(connection.execute(text(query), {"table": table}))

    found = rows(_TABLE)
    if not found:
        return None
    plain = found[0].kind == "BASE TABLE"
    behind = _attributes(connection, table) if plain else {}
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    return ObservedTable(
        name=table,
        kind=found[0].kind,
        engine=found[0].engine or "none",
        columns=tuple(_column(row, behind.get(row.name, "")) for row in rows(_COLUMNS)),
        unique_keys=unique_keys([(row.name, row.col or "an expression", _whole(row)) for row in rows(_KEYS)]),
        triggers=tuple(row.name for row in rows(_TRIGGERS)),
        has_rows=plain and connection.exec_driver_sql(f"SELECT 1 FROM {quoted} LIMIT 1").first() is not None,  # noqa: S608
    )


def _attributes(connection: Connection, table: str) -> dict[str, str]:
    """What stands behind the name of each column where the table is defined: its type and the rest."""
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    definition = str(connection.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").one()[1])
    lines = (_DEFINED.match(line) for line in definition.splitlines()[1:])
    return {each[1].replace("``", "`"): each[2] for each in lines if each}


def _whole(row: Any) -> bool:
    return row.part is None and row.col is not None


def _column(row: Any, defined: str) -> ObservedColumn:
    extra = (row.extra or "").lower()
    base = row.type.lower()
    temporal = base in ("time", "datetime", "timestamp")
    # MySQL calls a column with an expression as default DEFAULT_GENERATED: that is a default like any other.
    generated = "generated" in extra.replace("default_generated", "") or "virtual" in extra or "persistent" in extra
    has_default = row.fallback is not None and row.fallback != "NULL"
    return ObservedColumn(
        name=row.name,
        type=base,
        sql_type=row.sql_type,
        nullable=row.nullable == "YES",
        filled_by_database=has_default or "auto_increment" in extra,
        auto_increment="auto_increment" in extra,
        generated=generated,
        attributes=defined.removeprefix(row.sql_type) if defined.startswith(row.sql_type) else "",
        max_chars=row.chars,
        max_bytes=row.octets,
        precision=row.digits,
        scale=row.fraction if temporal else row.scale,
    )
