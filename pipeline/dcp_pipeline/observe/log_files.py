"""A log file that rotates by itself and bears being rotated by others: renamed, copied and truncated, or told SIGUSR1.

Before each line it looks whether its name still stands for the file that is open, as logrotate's `create` wants it;
what SIGUSR1 asks for is done by that, and the signal ends nobody. Where the file cannot be written, work goes on: that
is said on stderr, once until it can be.
"""

from __future__ import annotations

import fcntl
import logging
import logging.handlers
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from dcp_pipeline.errors import in_words

_LOCK_SECONDS = 2.0


class LogFile(logging.handlers.RotatingFileHandler):
    """At most `keep` older files of about `most_bytes` each, NAME.1 the latest; 0 bytes: it never rotates by itself."""

    def __init__(self, path: Path, most_bytes: int, keep: int) -> None:
        """Raises OSError where the file cannot be opened."""
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, maxBytes=most_bytes, backupCount=max(1, keep), encoding="utf-8")
        self._failing = False

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is not None and self._moved():
            self.stream.close()
            self.stream = None  # opened by the next line, as in the base
        super().emit(record)

    def flush(self) -> None:
        super().flush()
        if self.stream is not None:
            self._failing = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not self._failing and isinstance(error, Exception):
            self._failing = True
            print(f"dcp: the log cannot be written: {in_words(error)}", file=sys.stderr)  # noqa: T201

    def doRollover(self) -> None:
        """As the base does, but one process at a time: others may write to the same file, and find it full as well."""
        folder = os.open(Path(self.baseFilename).parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _lock(folder)
            if self.stream is None or not self._moved():
                super().doRollover()
                return
            self.stream.close()
            self.stream = self._open()  # another has rotated it just now
        finally:
            os.close(folder)

    def _moved(self) -> bool:
        assert self.stream is not None
        try:
            there, open_ = os.stat(self.baseFilename), os.fstat(self.stream.fileno())
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (open_.st_dev, open_.st_ino)


def _lock(folder: int) -> None:
    """For a moment: a file system may have no locks, and any user who may read a folder may hold its lock for ever."""
    until = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < until:
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.01)


def bear_sigusr1() -> None:
    """SIGUSR1 would end the process. Main thread only; elsewhere nothing is done."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, lambda *_: None)
