"""SQLite."""

from __future__ import annotations

from sqlalchemy import Connection

from dcp_cli.dialects import Asked


def _table_ddl(connection: Connection, table: str) -> tuple[str, ...]:
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC"
    return tuple(str(sql) for (sql,) in connection.exec_driver_sql(query, (table,)))


ASKED = Asked(table_ddl=_table_ddl)
