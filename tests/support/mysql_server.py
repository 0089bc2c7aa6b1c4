"""A real MySQL 8 beside MariaDB, where scripts/install_mysql could install one: the same handle, another server."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql

from support.mariadb_server import PIPELINE_USER, MariaDBServer, free_port

BASE = Path(__file__).parents[2] / "build" / "servers" / "mysql"
SMALL_AND_FAST = (
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--performance-schema=OFF",
    "--skip-name-resolve",
    "--disable-log-bin",
    "--mysqlx=OFF",
    "--max-connections=100",
    # Off by default since 8.0, unlike in MariaDB.
    "--local-infile=ON",
)


def mysql_missing() -> str | None:
    """Why no MySQL can be started here, or None."""
    return None if (BASE / "bin" / "mysqld").exists() else f"{BASE} has no MySQL (scripts/install_mysql)"


class MySQLServer(MariaDBServer):
    """A MySQL that is ended with its test."""

    def install(self) -> None:
        """Make the data folder, with certificates of its own, and the administrator."""
        self._grants.write_text(
            f"CREATE USER IF NOT EXISTS '{self.user}'@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO '{self.user}'@'%' WITH GRANT OPTION;\n"
        )
        made = subprocess.run(
            [self._program(), "--no-defaults", *self._data_folder(), "--initialize-insecure", *SMALL_AND_FAST],
            capture_output=True,
        )
        assert made.returncode == 0, made.stderr.decode(errors="replace")[-3000:]

    def start(self) -> None:
        """Start it, and have it know its user's password: ours is told to no server without a verified certificate, and
        from the second login on MySQL does without.
        """
        super().start()
        for user in (self.user, *self._users):
            self._make_known(user)

    def grant(self, database: str, rights: str | None = None, user: str = PIPELINE_USER) -> None:
        """The same, and have the server know the user's password."""
        super().grant(database, rights, user)
        if user not in self._users:
            self._users.append(user)
            self._make_known(user)

    @functools.cached_property
    def _users(self) -> list[str]:
        return []

    def _make_known(self, user: str) -> None:
        pymysql.connect(host=self.host, port=self.port, user=user, password=self.password).close()

    def _program(self) -> str:
        missing = mysql_missing()
        assert missing is None, missing
        return str(BASE / "bin" / "mysqld")

    def _data_folder(self) -> list[str]:
        return [f"--basedir={BASE}", *super()._data_folder()]


@contextmanager
def mysql_server(*options: str) -> Iterator[MySQLServer]:
    """A running server; `options` are mysqld's."""
    folder = Path(tempfile.mkdtemp(prefix="dcp-mysql-"))
    server = MySQLServer(folder, free_port(), options, tuning=SMALL_AND_FAST)
    try:
        server.install()
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def shared_mysql() -> MySQLServer:
    """The server of this test session, started by whoever asks first and ended with the process."""
    context = mysql_server()
    server = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return server
