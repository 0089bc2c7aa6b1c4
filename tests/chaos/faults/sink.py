"""MariaDB that is killed, restarted, frozen, full, read-only, locked, or cut off in the middle of a COMMIT."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pymysql

from chaos.faults.fault import FETCHER_MARIADB, MARIADB, WORKER_MARIADB, Fault, Undo, nothing

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage

_WEIGHT_ROWS = 300
_BALLAST = bytes(1 << 16)
_UNTIL_WORKERS_WAIT_SECONDS = 0.4
_VICTIM = (1213, 1020)
"""A deadlock's, or whose rows were changed meanwhile."""


def killed(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL; back with what it had committed."""
    stage.mariadb.kill()
    return stage.mariadb.start


def restarted(stage: Stage, strike: Strike) -> Undo:
    """A clean shutdown."""
    stage.mariadb.stop()
    return stage.mariadb.start


def frozen(stage: Stage, strike: Strike) -> Undo:
    """SIGSTOP: connections stay open and nobody answers."""
    stage.mariadb.signal(signal.SIGSTOP)
    return lambda: stage.mariadb.signal(signal.SIGCONT)


def read_only(stage: Stage, strike: Strike) -> Undo:
    """As a replica is, or a server whose disk is in doubt."""
    stage.mariadb.execute("SET GLOBAL read_only = 1")
    return lambda: _do(stage.mariadb.execute, "SET GLOBAL read_only = 0")


def full(stage: Stage, strike: Strike) -> Undo:
    """Its disk is filled up to the last byte."""
    ballast = stage.mariadb.folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(_BALLAST)
    return ballast.unlink


def locked(stage: Stage, strike: Strike) -> Undo:
    """Somebody reads the table, or the ledger, FOR UPDATE, and goes to lunch."""
    connection = stage.mariadb.admin(stage.database)
    connection.autocommit(False)
    _wait_for_ever(connection)
    locking = f"SELECT COUNT(*) FROM {'botnet' if strike.draw < 0.6 else 'dcp_batches'} FOR UPDATE"
    while not _locked(connection, locking):
        pass  # the victim of a deadlock with a worker that holds some of these rows: it lost its locks, and asks anew
    return connection.close


def _locked(connection: Any, locking: str) -> bool:
    try:
        cursor_run(connection, locking)
    except pymysql.err.OperationalError as error:
        if error.args[0] not in _VICTIM:
            raise
        return False
    return True


def deadlocked(stage: Stage, strike: Strike) -> Undo:
    """Somebody locks the table first and the ledger then: the other way round than workers do."""
    over = threading.Event()

    def quarrel() -> None:
        while not over.wait(0.1):
            _deadlock_once(stage, over)

    thread = threading.Thread(target=quarrel, daemon=True)
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    return end


def _deadlock_once(stage: Stage, over: threading.Event) -> None:
    connection = stage.mariadb.admin(stage.database)
    connection.autocommit(False)
    try:
        _wait_for_ever(connection)
        cursor_run(connection, "CREATE TABLE IF NOT EXISTS chaos_weight (n INT)")
        # Who has changed less is the victim: that shall be the worker.
        rows = ", ".join(f"({n})" for n in range(_WEIGHT_ROWS))
        cursor_run(connection, f"INSERT INTO chaos_weight VALUES {rows}")
        cursor_run(connection, "SELECT COUNT(*) FROM botnet FOR UPDATE")
        over.wait(_UNTIL_WORKERS_WAIT_SECONDS)
        cursor_run(connection, "SELECT COUNT(*) FROM dcp_batches FOR UPDATE")
    except pymysql.err.OperationalError as error:
        if error.args[0] not in _VICTIM:
            raise
    finally:
        connection.close()


def commit_lost(stage: Stage, strike: Strike) -> Undo:
    """The connection ends in the middle of a COMMIT: before the server had it, or before its answer came."""
    link = stage.links[strike.target]
    cut = link.cut_before if strike.draw < 0.5 else link.cut_after
    cut(b"COMMIT")
    return nothing


def _wait_for_ever(connection: Any) -> None:
    cursor_run(connection, "SET SESSION innodb_lock_wait_timeout = 30")


def cursor_run(connection: Any, statement: str) -> None:
    """One statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _do(call: Callable[..., object], *arguments: object) -> None:
    call(*arguments)


FAULTS = (
    Fault("mariadb-killed", killed, (MARIADB,), (0.2, 2.0), "open transactions are gone; everybody waits"),
    Fault("mariadb-restarted", restarted, (MARIADB,), (0.0, 1.0), "everybody waits"),
    Fault(
        "mariadb-frozen",
        frozen,
        (MARIADB,),
        (1.0, 5.0),
        "everybody waits; leases are renewed meanwhile",
        keeps_leases=True,
    ),
    Fault("mariadb-read-only", read_only, (MARIADB,), (1.0, 3.0), "batches are given back, unharmed, and wait"),
    Fault(
        "mariadb-disk-full", full, (MARIADB,), (1.0, 3.0), "batches wait; a worker whose statement hangs is replaced"
    ),
    Fault(
        "mariadb-locked",
        locked,
        (MARIADB,),
        (1.0, 5.0),
        "lock waits time out; the transactions begin anew",
        keeps_leases=True,
    ),
    Fault("mariadb-deadlocks", deadlocked, (MARIADB,), (1.5, 3.0), "the victims begin anew", keeps_leases=True),
    Fault(
        "commit-lost",
        commit_lost,
        (WORKER_MARIADB, FETCHER_MARIADB),
        (0.5, 0.5),
        "nobody knows whether it took place: done again, and the ledger tells",
        weight=2,
    ),
)
