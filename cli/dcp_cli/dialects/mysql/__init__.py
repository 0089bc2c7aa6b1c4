"""MySQL and MariaDB."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.types import FLOAT, TypeEngine

from dcp_cli.dialects import Asked
from dcp_cli.dialects.mysql.server import rights, settings


def _table_ddl(connection: Connection, table: str) -> tuple[str, ...]:
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    statement = str(connection.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").one()[1])
    return (statement.replace("%", "%%"),)  # the driver reads % as the mark of a value


def _exact(column: str, kind: TypeEngine[Any]) -> str:
    """A FLOAT as the server prints it has six digits."""
    return f"{column} * 1e0" if isinstance(kind, FLOAT) else column


ASKED = Asked(looks={"sink.rights": rights, "sink.settings": settings}, table_ddl=_table_ddl, exact=_exact)
