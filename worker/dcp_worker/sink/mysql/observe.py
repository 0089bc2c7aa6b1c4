"""Reads the shape of a table from MySQL's or MariaDB's own catalogue."""

from __future__ import annotations

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
    SELECT INDEX_NAME AS name, COLUMN_NAME AS col FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table AND NON_UNIQUE = 0
    ORDER BY INDEX_NAME, SEQ_IN_INDEX"""
_CONSTRAINTS = """
    SELECT CONSTRAINT_NAME AS name, CONSTRAINT_TYPE AS kind FROM information_schema.TABLE_CONSTRAINTS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table AND CONSTRAINT_TYPE IN ('CHECK', 'FOREIGN KEY')
    ORDER BY CONSTRAINT_NAME"""
_TRIGGERS = """
    SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
    WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = :table ORDER BY TRIGGER_NAME"""


def observe_table(connection: Connection, table: str) -> ObservedTable | None:
    """The table's shape; None where there is no such table."""

    def rows(query: str) -> list[Any]:
        return list(connection.execute(text(query), {"table": table}))

    found = rows(_TABLE)
    if not found:
        return None
    constraints = rows(_CONSTRAINTS)
    return ObservedTable(
        name=table,
        kind=found[0].kind,
        engine=found[0].engine or "none",
        columns=tuple(_column(row) for row in rows(_COLUMNS)),
        unique_keys=unique_keys([(row.name, row.col) for row in rows(_KEYS)]),
        checks=tuple(row.name for row in constraints if row.kind == "CHECK"),
        foreign_keys=tuple(row.name for row in constraints if row.kind == "FOREIGN KEY"),
        triggers=tuple(row.name for row in rows(_TRIGGERS)),
    )


def _column(row: Any) -> ObservedColumn:
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
        max_chars=row.chars,
        max_bytes=row.octets,
        precision=row.digits,
        scale=row.fraction if temporal else row.scale,
    )
