"""A database that goes back in time: killed with unflushed logs, replaced by a copy that lags, restored from a dump."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.faults.fault import MARIADB, Fault, Undo
from support.waiting import wait_until

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage
    from support.mariadb_server import MariaDBServer

USER = "app"
"""Whose sessions the processes of a stage have."""
PROMOTED = "mariadb-promoted"
_FLUSHED_FROM = 0.75
"""With 2 a kill of the server takes nothing back; a machine without power does, as `failed_over` plays."""
_MOST_BEHIND_SECONDS = 30


def forgets(stage: Stage, strike: Strike) -> Undo:
    """Commits stay in its memory, as innodb_flush_log_at_trx_commit=0 allows, or (2) in the kernel's; then SIGKILL."""
    server = stage.mariadb
    server.execute(f"SET GLOBAL innodb_flush_log_at_trx_commit = {0 if strike.draw < _FLUSHED_FROM else 2}")
    server.execute("SET GLOBAL innodb_flush_log_at_timeout = 2700")

    def end() -> None:
        server.kill()
        server.start()

    return end


def failed_over(stage: Stage, strike: Strike) -> Undo:
    """A copy that heard nothing since now takes its place and address; what SIGSTOP leaves on disk is one moment."""
    server, folder = stage.mariadb, Path(tempfile.mkdtemp(prefix="dcp-chaos-copy-"))
    server.signal(signal.SIGSTOP)
    try:
        shutil.copytree(server.folder / "data", folder / "data")
    finally:
        server.signal(signal.SIGCONT)

    def end() -> None:
        server.kill()
        shutil.rmtree(server.folder / "data")
        shutil.copytree(folder / "data", server.folder / "data")
        shutil.rmtree(folder)
        server.start()

    return end


def promoted(stage: Stage, strike: Strike) -> Undo:
    """A replica by the binary log lags, by its delay or because its SQL thread has stopped, and is promoted."""
    behind = None if strike.draw < 0.5 else 1 + int((strike.draw - 0.5) * 2 * _MOST_BEHIND_SECONDS)
    stage.databases.part_replica(behind)
    return stage.databases.promote


def restored(stage: Stage, strike: Strike) -> Undo:
    """A dump of now is restored while everybody works, in one of the two ways of docs/operations.md."""
    server, database = stage.mariadb, stage.database
    dump = _client(server, "mariadb-dump", "--single-transaction", "--hex-blob", database)
    restore = _swap_in if strike.draw < 0.5 else _load_over
    return lambda: restore(server, database, dump)


def _swap_in(server: MariaDBServer, database: str, dump: bytes) -> None:
    """Loaded beside, then all tables at once."""
    beside, before = f"{database}_restored", f"{database}_before"
    for each in (beside, before):
        server.execute(f"CREATE DATABASE {each}")
    _client(server, "mariadb", beside, words=dump)
    tables = [str(name) for (name,) in server.execute(f"SHOW TABLES FROM {beside}")]
    swaps = [f"{database}.{t} TO {before}.{t}, {beside}.{t} TO {database}.{t}" for t in tables]
    server.execute(f"RENAME TABLE {', '.join(swaps)}")
    for each in (beside, before):
        server.execute(f"DROP DATABASE {each}")


def _load_over(server: MariaDBServer, database: str, dump: bytes) -> None:
    """Over the tables, with the pipeline's user locked out."""
    server.execute(f"ALTER USER '{USER}'@'%' ACCOUNT LOCK")
    try:
        server.execute(f"KILL USER {USER}")
        sessions = f"SELECT id FROM information_schema.processlist WHERE user = '{USER}'"
        wait_until(lambda: not server.execute(sessions), "its sessions have ended", 60)
        _client(server, "mariadb", database, words=dump)
    finally:
        server.execute(f"ALTER USER '{USER}'@'%' ACCOUNT UNLOCK")


def _client(server: MariaDBServer, program: str, *arguments: str, words: bytes = b"") -> bytes:
    where = ["--no-defaults", f"--host={server.host}", f"--port={server.port}", f"--user={server.user}"]
    command = [program, *where, f"--password={server.password}", *arguments]
    return subprocess.run(command, input=words, stdout=subprocess.PIPE, check=True).stdout


FAULTS = (
    Fault(
        "mariadb-forgets",
        forgets,
        (MARIADB,),
        (0.3, 4.0),
        "commits of the last seconds are gone; the fetcher reads on from where the ledger ends now",
        forgets=True,
    ),
    Fault(
        "mariadb-failed-over",
        failed_over,
        (MARIADB,),
        (0.3, 4.0),
        "a copy that lags takes over: as above",
        forgets=True,
    ),
    Fault(
        PROMOTED,
        promoted,
        (MARIADB,),
        (1.0, 6.0),
        "a replica by the binary log, 1 to 30 s behind or stopped, is promoted: as above",
        forgets=True,
        weight=0.5,
        long_seconds=(1.0, 30.0),
    ),
    Fault(
        "mariadb-restored",
        restored,
        (MARIADB,),
        (0.5, 5.0),
        "a dump is swapped in, or loaded with the user locked out, while everybody works: as above",
        forgets=True,
        long_seconds=(60.0, 150.0),
    ),
)
