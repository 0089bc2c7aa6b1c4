"""The state folder of a pipeline: who runs it here, and where its embedded server answers.

Two notes lie in it, each written whole or not at all, and neither is trusted: what they say is checked before it is
used, and a note that is empty, cut off or strange is as none.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from dcp_cli.embedded.folder import SOCKET, is_own
from dcp_cli.errors import AlreadyRunning
from dcp_pipeline.files.durable import write_durably

_OWN = 0o600
"""Whoever can open a file can lock it: another user of the machine would keep this one's runs from beginning."""
_LOCK_SECONDS = 0.3
"""`dcp status` holds the lock for an instant, to see whether somebody else does."""
_ADVICE = (
    "works on this pipeline here, or a `dcp up` (`dcp ps` shows it); wait for it, stop it (`dcp down`), or give this "
    "one a folder of its own with DCP_STATE_DIR"
)
_URL = re.compile(rf"unix://(/.*)/{re.escape(SOCKET)}\n?", re.DOTALL)


class StateFolder:
    """The folder of one pipeline on this machine; it is made when a run begins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock, self._process, self._url = path / "lock", path / "process", path / "redis-url"
        self._shared = path / "shared-queue"

    @contextmanager
    def alone(self, who: str = "dcp run", advice: str = _ADVICE) -> Iterator[None]:
        """As the only run of this folder. Raises AlreadyRunning, or OSError where the folder cannot be written."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._lock, timeout=_LOCK_SECONDS, mode=_OWN)
        try:
            lock.acquire()
        except Timeout:
            raise AlreadyRunning(f"another `{who}` ({self._holder()}) {advice}") from None
        try:
            note = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
            write_durably(self._process, json.dumps(note) + "\n")
            yield
        finally:
            lock.release()

    def note_url(self, url: str) -> None:
        """Let other commands know where the server answers. Raises OSError."""
        write_durably(self._url, url)

    def note_shared(self, owner: Path | None) -> None:
        """The server is that of a `dcp up`, whose state folder is `owner`: for other commands. Raises OSError."""
        if owner is None:
            self._shared.unlink(missing_ok=True)
        else:
            write_durably(self._shared, str(owner.resolve()))

    def forget_url(self) -> None:
        """The server is gone."""
        self._url.unlink(missing_ok=True)

    def url(self) -> str | None:
        """Where the embedded server of a run that goes on answers; None when none runs here, or the note is no good."""
        if not self._is_held():
            return None
        owner = _text(self._shared)
        if owner.startswith("/") and Path(owner) != self.path.resolve():
            return StateFolder(Path(owner)).url()
        found = _URL.fullmatch(_text(self._url))
        if found is None or not is_own(Path(found[1]), self.path):
            return None
        return f"unix://{found[1]}/{SOCKET}"

    def holder(self) -> int | None:
        """The process that has this folder; None where nobody has, or it is not known."""
        if not self._is_held():
            return None
        try:
            return int(json.loads(_text(self._process))["pid"])
        except (ValueError, KeyError, TypeError):
            return None

    def _is_held(self) -> bool:
        if not self._lock.exists():
            return False
        try:
            FileLock(self._lock, blocking=False, mode=_OWN).acquire().lock.release()
        except Timeout:
            return True
        return False

    def _holder(self) -> str:
        try:
            note = json.loads(_text(self._process))
            return f"process {int(note['pid'])}, since {datetime.fromisoformat(note['since']):%Y-%m-%d %H:%M:%S} UTC"
        except (ValueError, KeyError, TypeError):
            return "its process is not known"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
