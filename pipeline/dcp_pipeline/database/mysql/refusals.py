"""Settings of a server by which it refuses our work as a whole: told at the start, in words."""

from __future__ import annotations

from sqlalchemy import Connection

from dcp_pipeline.database.errors import SinkDenied

BINLOG_WORDS = (
    "binlog_format is STATEMENT, by which the server refuses every write of transactions that are READ COMMITTED, as "
    "ours are; set it to ROW, or MIXED: SET GLOBAL binlog_format = 'ROW', and in the server's configuration"
)
_ASKED = "SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')"


def check_server(connection: Connection) -> None:
    """Raises SinkDenied."""
    settings = {str(name).lower(): str(value).upper() for name, value in connection.exec_driver_sql(_ASKED)}
    if settings.get("log_bin") in ("ON", "1") and settings.get("binlog_format") == "STATEMENT":
        # A session keeps the format that it was opened with: the next one asks again.
        connection.invalidate()
        raise SinkDenied(f"{connection.engine.url.render_as_string(hide_password=True)}: {BINLOG_WORDS}")
