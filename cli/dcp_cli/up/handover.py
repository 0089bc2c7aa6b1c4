"""An upgrade in place: the supervisor becomes the program that lies at its path now, and keeps its children.

It stays the same process, so that whoever manages it, and the kernel, see no change: workers and the embedded queue go
on meanwhile. What it has to remember goes through a file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from dcp_pipeline.files.durable import write_durably

_VARIABLE = "DCP_UP_HANDOVER"
_FILE = "handover.json"
_TRIAL_SECONDS = 60


class Kept(msgspec.Struct, frozen=True):
    """A worker that goes on."""

    spec: str
    pid: int
    log: str
    since: float


class Handover(msgspec.Struct, frozen=True):
    """What the new program takes over."""

    pid: int
    queue_pid: int
    queue_folder: str
    workers: tuple[Kept, ...] = ()


def refusal() -> str | None:
    """Why the program that lies there now cannot take over; None where it starts."""
    words = [sys.executable, "-c", "import dcp_cli.up.command"]
    try:
        tried = subprocess.run(  # noqa: S603
            words,
            capture_output=True,
            text=True,
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if tried.returncode == 0 else (tried.stderr.strip().splitlines() or ["it ends at once"])[-1]


def hand_over(folder: Path, handover: Handover) -> None:
    """Become the new program; it does not return. Raises OSError."""
    path = folder / _FILE
    write_durably(path, msgspec.json.encode(handover).decode())
    os.environ[_VARIABLE] = str(path)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "dcp_cli", *sys.argv[1:]])  # noqa: S606


def taken_over() -> Handover | None:
    """What the program before left for this very process; None where it starts afresh."""
    path = os.environ.pop(_VARIABLE, "")
    if not path:
        return None
    try:
        found = msgspec.json.decode(Path(path).read_bytes(), type=Handover)
    except (OSError, msgspec.DecodeError):
        return None
    Path(path).unlink(missing_ok=True)
    return found if found.pid == os.getpid() else None
