"""What was done through the page: a line each in the log, and in a file that only grows."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

log = logging.getLogger("dcp_ui.audit")


class Deed(msgspec.Struct, frozen=True):
    """One action, done or refused. `by`: the address that it came from."""

    at: str
    by: str
    action: str
    pipeline: str
    of: str
    outcome: str


def deed(by: str, action: str, pipeline: str, of: str, outcome: str) -> Deed:
    """A deed of now."""
    return Deed(datetime.now(UTC).isoformat(timespec="seconds"), by, action, pipeline, of, outcome)


class Audit:
    """The file. Writing it blocks for a moment."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def check(self) -> None:
        """Make the file. Raises OSError: an action that leaves no line is not to be had."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))

    def record(self, what: Deed) -> None:
        """Add a line. Raises OSError."""
        fields = msgspec.to_builtins(what)
        log.info("%s by %s: %s", what.action, what.by, what.outcome, extra={"audit": json.dumps(fields)})
        if self._path is None:
            return
        line = json.dumps(fields, ensure_ascii=True) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
