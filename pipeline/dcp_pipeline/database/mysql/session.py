"""Sessions of MySQL and MariaDB that never coerce in silence and never hold locks for long."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import URL, Engine, create_engine

from dcp_pipeline.database.dialect import Wanted
from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.database.mysql.connection import MemoryInfileConnection
from dcp_pipeline.database.tls import ssl_context

_SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_CLIENT_FOUND_ROWS = 2
_URL_OPTIONS = {"unix_socket": str, "connect_timeout": int, "read_timeout": int, "write_timeout": int}


def open_engine(url: URL, wanted: Wanted) -> Engine:
    """An engine; nothing is connected yet.

    Raises LedgerError where the URL or a PEM text is none.
    """
    options = _options(url, wanted)
    return create_engine(
        # Shown in messages; the password goes to the driver only.
        URL.create("mysql+pymysql", url.username, host=url.host, port=url.port, database=url.database),
        creator=_creator(options, _password(url, wanted), wanted.lease_seconds),
        pool_size=wanted.pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
    )


def _options(url: URL, wanted: Wanted) -> dict[str, Any]:
    unknown = sorted(set(url.query) - set(_URL_OPTIONS))
    if unknown:
        raise LedgerError(f"the sink's url has unknown options {unknown}; known: {sorted(_URL_OPTIONS)}")
    options: dict[str, Any] = {
        "host": url.host or "localhost",
        "port": url.port or 3306,
        "user": url.username,
        "database": url.database,
        "charset": "utf8mb4",
        "collation": "utf8mb4_bin",
        "connect_timeout": 10,
        "read_timeout": max(1, math.ceil(wanted.read_timeout_seconds)),
        "write_timeout": 60,
        "local_infile": wanted.local_infile,
        "autocommit": False,
        # As SQLAlchemy's dialect expects it: an UPDATE's rowcount is the rows that matched, changed or not.
        "client_flag": _CLIENT_FOUND_ROWS,
    }
    options |= {name: _URL_OPTIONS[name](value) for name, value in url.query.items()}
    if wanted.tls is not None:
        options["ssl"] = ssl_context(wanted.tls)
    return options


def _password(url: URL, wanted: Wanted) -> Callable[[], str]:
    given = wanted.password
    if callable(given):
        return given
    plain = given if given is not None else url.password or ""
    return lambda: plain


def _creator(
    options: Mapping[str, Any], password: Callable[[], str], lease_seconds: float
) -> Callable[[], MemoryInfileConnection]:
    def open_session() -> MemoryInfileConnection:
        connection = MemoryInfileConnection(**options, password=password())
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            version = str(connection.get_server_info())  # type: ignore[no-untyped-call]
            settings = _session(version, lease_seconds)
            cursor.execute("SET " + ", ".join(f"SESSION {name} = {value}" for name, value in settings.items()))
        return connection

    return open_session


def _session(server_version: str, lease_seconds: float) -> dict[str, str]:
    """What every session is set to. A stopped process would otherwise hold its locks for wait_timeout: 8 hours."""
    lease = str(max(1, math.ceil(lease_seconds)))
    settings = {
        "time_zone": "'+00:00'",
        "sql_mode": f"'{_SQL_MODE}'",
        "innodb_lock_wait_timeout": lease,
        "lock_wait_timeout": lease,
        "net_read_timeout": lease,
        "max_error_count": "65535",
        "lc_messages": "'en_US'",
    }
    if "MariaDB" in server_version:
        settings["idle_write_transaction_timeout"] = lease
    else:
        # MySQL knows no timeout of its own for idle transactions; pooled connections are checked before use.
        settings["wait_timeout"] = lease
    return settings
