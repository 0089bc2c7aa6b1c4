"""Connections to the sink's database, with sessions that never coerce in silence and never hold locks for long.

Read transactions.py next for how they are used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.database.mysql_connection import MemoryInfileConnection
from dcp_pipeline.database.tls import ssl_context
from dcp_pipeline.tls import TlsSettings

WRITES = "dcp_writes"
"""Execution option of a connection whose transaction will write: SQLite takes its lock at BEGIN."""
DEFAULT_LEASE_SECONDS = 30.0
_SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_CLIENT_FOUND_ROWS = 2
_URL_OPTIONS = {"unix_socket": str, "connect_timeout": int, "read_timeout": int, "write_timeout": int}


def connect(
    url: str,
    *,
    password: str | None = None,
    tls: TlsSettings | None = None,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
    pool_size: int = 8,
    read_timeout_seconds: float = 300,
    local_infile: bool = True,
) -> Engine:
    """An engine for mysql, mariadb or sqlite URLs. Nothing is connected yet.

    Locks are waited for, and idle write transactions are kept, for about `lease_seconds`: after that the batch is
    another worker's. `read_timeout_seconds` bounds a single statement. At most `pool_size` connections are open.

    Raises LedgerError where the URL or a PEM text is none.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, lease_seconds, pool_size)
    options = _mysql_options(parsed, password, tls, read_timeout_seconds, local_infile)
    return _mysql(parsed, options, lease_seconds, pool_size)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text itself is not repeated: it may hold a password.
        raise LedgerError("the sink's url is none; mysql+pymysql://USER@HOST:PORT/DATABASE is one") from None
    backend = parsed.get_backend_name()
    if backend not in ("mysql", "mariadb", "sqlite"):
        raise LedgerError(f"the sink's url names {backend!r}; mysql, mariadb and sqlite are supported")
    if not parsed.database or parsed.database == ":memory:":
        wanted = "a file: sqlite:///./clean.db" if backend == "sqlite" else "a database: mysql://USER@HOST/DATABASE"
        raise LedgerError(f"the sink's url names no {wanted}")
    return parsed


def _mysql_options(
    url: URL, password: str | None, tls: TlsSettings | None, read_timeout: float, local_infile: bool
) -> dict[str, Any]:
    unknown = sorted(set(url.query) - set(_URL_OPTIONS))
    if unknown:
        raise LedgerError(f"the sink's url has unknown options {unknown}; known: {sorted(_URL_OPTIONS)}")
    options: dict[str, Any] = {
        "host": url.host or "localhost",
        "port": url.port or 3306,
        "user": url.username,
        "password": password if password is not None else url.password or "",
        "database": url.database,
        "charset": "utf8mb4",
        "collation": "utf8mb4_bin",
        "connect_timeout": 10,
        "read_timeout": max(1, math.ceil(read_timeout)),
        "write_timeout": 60,
        "local_infile": local_infile,
        "autocommit": False,
        # As SQLAlchemy's dialect expects it: an UPDATE's rowcount is the rows that matched, changed or not.
        "client_flag": _CLIENT_FOUND_ROWS,
    }
    options |= {name: _URL_OPTIONS[name](value) for name, value in url.query.items()}
    if tls is not None:
        options["ssl"] = ssl_context(tls)
    return options


def _mysql(url: URL, options: Mapping[str, Any], lease_seconds: float, pool_size: int) -> Engine:
    return create_engine(
        # Shown in messages; the password goes to the driver only.
        URL.create("mysql+pymysql", url.username, host=url.host, port=url.port, database=url.database),
        creator=_creator(options, lease_seconds),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
    )


def _creator(options: Mapping[str, Any], lease_seconds: float) -> Callable[[], MemoryInfileConnection]:
    def open_session() -> MemoryInfileConnection:
        connection = MemoryInfileConnection(**options)
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


def _sqlite(url: URL, lease_seconds: float, pool_size: int) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        connect_args={"timeout": lease_seconds},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _sqlite_session)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_session(connection: Any, _record: Any) -> None:
    # Transactions begin where we say (_sqlite_begin), not where the driver guesses.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        # FULL, not NORMAL: a commit is on disk before the queue forgets the batch and the inbox its task. It costs
        # one fsync per batch.
        "synchronous = FULL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        # KiB of page cache for each connection. A larger one brought no speed: the system's own cache serves.
        "cache_size = -512",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once where another one wrote meanwhile; IMMEDIATE
    # waits for its turn.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
