"""A real MariaDB on a free port, with its own temporary data folder, for tests.

    with mariadb_server() as server:
        engine = connect(server.url(database="clean"), password=server.password)

`shared_mariadb()` is the one server that a whole test session shares; each test takes a database of its own.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import trustme

from support.waiting import wait_until

SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
SMALL_AND_FAST = (
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    # A killed process loses nothing that it wrote; only a power cut would, and none is tested.
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--skip-innodb-doublewrite",
    "--skip-sync-frm",
    "--key-buffer-size=64K",
    "--aria-pagecache-buffer-size=1M",
    "--performance-schema=OFF",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--max-connections=100",
    "--table-open-cache=200",
)
_INSTALLS = 3
PIPELINE_USER = "pipeline"
"""Who the product is, towards the database. `dcp` is the administrator."""


def documented_rights() -> str:
    """What docs/ledger.md says that the pipeline's user needs."""
    page = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text()
    [rights] = re.findall(r"^ *GRANT (.+) ON clean\.\* TO dcp;$", page, re.MULTILINE)
    return str(rights)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mariadb_missing() -> str | None:
    """Why no MariaDB can be started here, or None."""
    for program in ("mariadbd", "mariadb-install-db"):
        if shutil.which(program, path=SEARCH_PATH) is None:
            return f"{program} is not installed (Debian: apt-get install mariadb-server)"
    return None


@dataclass
class MariaDBServer:
    """A server that is ended with its test. Its root is `user` with `password`, over TCP."""

    folder: Path
    port: int
    options: Sequence[str]
    tuning: Sequence[str] = SMALL_AND_FAST
    user: str = "dcp"
    password: str = "s3cret-of-the-test"
    ca_pem: str | None = None
    client_pem: tuple[str, str] | None = field(default=None, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def url(self, user: str | None = None, database: str = "clean") -> str:
        """The sink's URL, without the password."""
        return f"mysql+pymysql://{user or self.user}@{self.host}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def admin(self, database: str | None = None) -> pymysql.Connection[Any]:
        """A connection with all rights, in autocommit."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            autocommit=True,
            ssl_disabled=True,
        )

    def execute(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """One statement as the administrator; its rows."""
        with self.admin(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def create_database(self, name: str) -> str:
        """A fresh database; its URL, by a user who has exactly the rights that are documented."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")
        self.execute(f"CREATE DATABASE `{name}`")
        self.grant(name)
        return self.url(PIPELINE_USER, name)

    def grant(self, database: str, rights: str | None = None, user: str = PIPELINE_USER) -> None:
        """Give a user, who is made where there is none, these rights on the database and no others; by default those
        that docs/ledger.md says are needed."""
        pattern = database.replace("_", "\\_")
        self.execute(f"CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY '{self.password}'")
        self.execute(f"GRANT ALL ON `{pattern}`.* TO '{user}'@'%'")
        self.execute(f"REVOKE ALL ON `{pattern}`.* FROM '{user}'@'%'")
        self.execute(f"GRANT {rights or documented_rights()} ON `{pattern}`.* TO '{user}'@'%'")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        arguments = [self._program(), "--no-defaults", *self._common(), *self.tuning, *self.options]
        arguments.append(f"--init-file={self._grants}")
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True)
        wait_until(self._answers, f"{arguments[0]} answers on port {self.port}", within_seconds=120)

    def kill(self) -> None:
        """SIGKILL: what a power cut looks like."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """A clean shutdown."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start again on the same port and data, stopping it before where it runs."""
        self.stop()
        self.start()

    @property
    def _grants(self) -> Path:
        return self.folder / "grants.sql"

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def install(self) -> None:
        """Make the data folder and the administrator. On a starved machine the installer's own server has ended
        without a reason that lasts: it is tried again in an empty folder, and its last words are told."""
        program = shutil.which("mariadb-install-db", path=SEARCH_PATH)
        assert program is not None, mariadb_missing()
        self._grants.write_text(
            "SET sql_log_bin = 0;\n"  # a replica has it of its own
            f"CREATE OR REPLACE USER '{self.user}'@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO '{self.user}'@'%' WITH GRANT OPTION;\n"
        )
        arguments = [program, "--no-defaults", *self._data_folder(), "--skip-test-db"]
        arguments += ["--innodb-log-file-size=32M", "--auth-root-authentication-method=normal"]
        for _ in range(_INSTALLS):
            done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode == 0:
                return
            print(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
            shutil.rmtree(self.folder / "data", ignore_errors=True)
        raise RuntimeError(f"{program} failed {_INSTALLS} times; what it said is printed above")

    def _program(self) -> str:
        program = shutil.which("mariadbd", path=SEARCH_PATH)
        assert program is not None, mariadb_missing()
        return program

    def _data_folder(self) -> list[str]:
        # Run by root, mariadbd refuses to start unless it is told so.
        user = ["--user=root"] if os.geteuid() == 0 else []
        return [f"--datadir={self.folder / 'data'}", *user]

    def _common(self) -> list[str]:
        return [
            *self._data_folder(),
            f"--socket={self.folder / 's.sock'}",
            f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}",
            f"--bind-address={self.host}",
        ]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended: {self.log()[-2000:]}"
        try:
            self.admin().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        # Not by its number, which may be another's once it has ended by itself.
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number)
        self._process.wait(timeout=60)
        self._process = None


@contextmanager
def mariadb_server(*options: str, tls: bool = False, disk_bytes: int | None = None) -> Iterator[MariaDBServer]:
    """A running server with an empty database `clean`; `options` are mariadbd's. With `tls` its certificate is
    signed by the authority in `.ca_pem`, which also signed the client's (certificate, key) in `.client_pem`. With
    `disk_bytes` its folder is a disk of its own, of that size."""
    folder = Path(tempfile.mkdtemp(prefix="dcp-mariadb-"))
    server = MariaDBServer(folder, free_port(), options)
    if disk_bytes is not None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk_bytes}", "dcp-mariadb", folder], check=True)
    try:
        if tls:
            server.options = (*options, *_certificates(server))
        server.install()
        server.start()
        server.execute("CREATE DATABASE IF NOT EXISTS clean")
        yield server
    finally:
        server.kill()
        if disk_bytes is not None:
            subprocess.run(["umount", "--lazy", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def _certificates(server: MariaDBServer) -> list[str]:
    authority = trustme.CA()
    issued = authority.issue_cert(server.host, "localhost")
    key, certificate = server.folder / "key.pem", server.folder / "cert.pem"
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    ca = server.folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    server.ca_pem = authority.cert_pem.bytes().decode()
    client = authority.issue_cert("client")
    server.client_pem = (client.cert_chain_pems[0].bytes().decode(), client.private_key_pem.bytes().decode())
    return [f"--ssl-ca={ca}", f"--ssl-cert={certificate}", f"--ssl-key={key}"]


@functools.cache
def shared_mariadb() -> MariaDBServer:
    """The server of this test session, started by whoever asks first and ended with the process."""
    context = mariadb_server()
    server = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return server
