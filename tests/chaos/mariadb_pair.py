"""The MariaDB that is used, and a replica by its binary log that may take its place."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from typing import Any

import pymysql

from support.mariadb_server import MariaDBServer
from support.tcp_proxy import TcpProxy
from support.waiting import wait_until

_ROWS = "--binlog-format=ROW"
PRIMARY = ("--log-bin=bin", "--server-id=1", _ROWS)
REPLICA = ("--log-bin=bin", "--server-id=2", "--log-slave-updates", "--skip-slave-start", _ROWS)
_CAUGHT_UP_SECONDS = 60.0
_COPIES = 5
_DUPLICATE_KEY = 1062


class MariaDBPair:
    """`links` lead to the primary. `new` starts a server that may become its replica, once one is wanted."""

    def __init__(self, primary: MariaDBServer, links: tuple[TcpProxy, ...], new: Callable[[], MariaDBServer]) -> None:
        self.primary = primary
        self._links, self._new = links, new
        self._spare: MariaDBServer | None = None

    def ready(self, logs: bool) -> None:
        """The primary runs, and keeps a binary log or none; the other one does not run."""
        options = PRIMARY if logs else ()
        if self._spare is not None:
            self._spare.kill()
        if self.primary.runs and tuple(self.primary.options) != options:
            self.primary.stop()
        self.primary.options = options
        if not self.primary.runs:
            self.primary.start()
        if logs:
            self.primary.execute("RESET MASTER")

    def part_replica(self, behind_seconds: int | None) -> None:
        """A replica is made, and catches up; from then on it is so many seconds behind, or (None) applies nothing."""
        if self._spare is None:
            self._spare = self._new()
        self._spare.kill()
        self._spare.options = REPLICA
        for left in reversed(range(_COPIES)):
            try:
                self._copy(self._spare)
                self._follow(self._spare)
                break
            except _AnotherMoment:
                if not left:
                    raise
                self._spare.kill()
        if behind_seconds is None:
            self._spare.execute("STOP SLAVE SQL_THREAD")
        else:
            self._spare.execute("STOP SLAVE")
            self._spare.execute(f"CHANGE MASTER TO MASTER_DELAY = {behind_seconds}")
            self._spare.execute("START SLAVE")

    def _copy(self, spare: MariaDBServer) -> None:
        shutil.rmtree(spare.folder / "data")
        self.primary.signal(signal.SIGSTOP)  # what is on disk then is one moment, to be recovered from
        try:
            shutil.copytree(self.primary.folder / "data", spare.folder / "data")
        finally:
            self.primary.signal(signal.SIGCONT)
        spare.start()

    def _follow(self, spare: MariaDBServer) -> None:
        spare.execute("SET GLOBAL gtid_slave_pos = @@global.gtid_binlog_pos")
        where = f"MASTER_HOST = '{self.primary.host}', MASTER_PORT = {self.primary.port}"
        who = f"MASTER_USER = '{self.primary.user}', MASTER_PASSWORD = '{self.primary.password}'"
        spare.execute(f"CHANGE MASTER TO {where}, {who}, MASTER_USE_GTID = slave_pos")
        spare.execute("START SLAVE")
        wait_until(lambda: _caught_up(spare), "the replica has caught up", _CAUGHT_UP_SECONDS)

    def promote(self) -> None:
        """The primary dies; the replica forgets what it has heard and not applied, and takes its place."""
        assert self._spare is not None
        self.primary.kill()
        self._spare.execute("STOP SLAVE")
        self._spare.execute("RESET SLAVE ALL")
        self.primary, self._spare = self._spare, self.primary
        for link in self._links:
            link.target = ("127.0.0.1", self.primary.port)


class _AnotherMoment(Exception):
    """The copy was taken in the middle of a commit: rows of it were there, and its log did not say so yet."""


def _caught_up(spare: MariaDBServer) -> bool:
    with spare.admin() as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute("SHOW SLAVE STATUS")
        [status] = cursor.fetchall()
    said: dict[str, Any] = dict(status)
    if said["Last_SQL_Errno"] == _DUPLICATE_KEY:
        raise _AnotherMoment(said)
    assert said["Last_IO_Error"] + said["Last_SQL_Error"] == "", said
    return bool(said["Slave_SQL_Running"] == "Yes" and said["Seconds_Behind_Master"] == 0)
