"""MySQL and MariaDB."""

from __future__ import annotations

from sqlalchemy import Connection

from dcp_cli.dialects import Asked
from dcp_cli.doctor.mysql import rights, settings


def _table_ddl(connection: Connection, table: str) -> tuple[str, ...]:
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    statement = str(connection.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").one()[1])
    return (statement.replace("%", "%%"),)  # the driver reads % as the mark of a value


ASKED = Asked(looks={"sink.rights": rights, "sink.settings": settings}, table_ddl=_table_ddl)
