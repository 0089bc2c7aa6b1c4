"""What the supervisor leaves in its folder for the other commands, and what they ask of it there.

The folder is `up/` below the state folder: `status.json` (written whole, when something changed), `logs/`, `requests/`.
There is no port: whoever may write the folder may ask. That a supervisor is there is told by its lock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from dcp_cli.embedded import StateFolder
from dcp_cli.errors import CommandFailed
from dcp_pipeline.files.durable import write_durably
from dcp_pipeline.files.places import folder_of, state_base
from dcp_pipeline.spec.composing.dotenv import with_dotenv

_BEGINS = "`dcp up` begins here, and has told nothing yet"
STATUS, LOGS, REQUESTS = "status.json", "logs", "requests"


class ProcessNote(msgspec.Struct, frozen=True):
    """One process."""

    role: str
    pid: int
    log: str
    state: str
    since: float
    """Unix time."""
    metrics: int = 0
    """The port of its metrics on loopback; 0: none."""


class PipelineNote(msgspec.Struct, frozen=True):
    """One pipeline, or a file that is none."""

    name: str
    spec: str
    state: str
    """running, starting, changing, waiting, stopping, broken"""
    generation: int = 0
    restarts: int = 0
    """New starts after crashes."""
    processes: tuple[ProcessNote, ...] = ()
    trouble: str = ""


class Status(msgspec.Struct, frozen=True):
    """All that a supervisor knows."""

    pid: int
    since: float
    pipelines: tuple[PipelineNote, ...] = ()
    page: str = ""
    """Its address, with --ui."""


class Asked(msgspec.Struct, frozen=True):
    """A request."""

    restart: str
    """A pipeline's name; empty: all."""
    upgrade: bool = False
    """Become the program that lies there now first."""


class UpFolder:
    """The supervisor's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = StateFolder(path)

    @property
    def logs(self) -> Path:
        return self.path / LOGS

    @property
    def status_path(self) -> Path:
        return self.path / STATUS

    def write(self, status: Status) -> None:
        """Raises OSError."""
        write_durably(self.status_path, msgspec.json.encode(status).decode())

    def read(self) -> Status:
        """What goes on. Raises CommandFailed where no supervisor is there."""
        holder = self.state.holder()
        if holder is None:
            raise CommandFailed(f"no `dcp up` runs here ({self.path.parent.parent}): start one, or name its folder")
        try:
            found = msgspec.json.decode(self.status_path.read_bytes(), type=Status)
        except (OSError, msgspec.DecodeError) as error:
            raise CommandFailed(f"{_BEGINS}: {error}") from error
        if found.pid != holder:  # of one that is gone, however it went
            raise CommandFailed(f"{_BEGINS} (process {holder})")
        return found

    def ask(self, asked: Asked) -> Path:
        """Leave a request. Raises OSError."""
        folder = self.path / REQUESTS
        folder.mkdir(exist_ok=True)
        path = folder / f"{time.time_ns()}.json"
        write_durably(path, msgspec.json.encode(asked).decode())
        return path

    def asked(self) -> list[Asked]:
        """The requests, which are taken away."""
        found = []
        for path in sorted((self.path / REQUESTS).glob("[0-9]*.json")):
            if not path.is_file() or path.is_symlink():
                continue  # none of ours, and a pipe would keep whoever opens it
            with suppress(
                OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError
            ):  # not ours, or no longer there
                found.append(msgspec.json.decode(path.read_bytes(), type=Asked))
            path.unlink(missing_ok=True)
        return found


def folder_at(given: Path, environment: Mapping[str, str]) -> UpFolder:
    """Of the `dcp up` of this folder, or of this spec's."""
    folder = given.resolve() if given.is_dir() else folder_of(given)
    return UpFolder(state_base(folder, with_dotenv(folder, environment)) / "up")
