"""A writer of numbered lines and the real logrotate, for tests that count: written, on the disk, read."""

from __future__ import annotations

import bz2
import gzip
import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

PAD = "x" * 40
LOGROTATE = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "logrotate"
DATED = "dateext\n  dateformat -%Y%m%d-%s"
MODES = {
    "create": "create",
    "copytruncate": "copytruncate",
    "dateext": f"create\n  {DATED}",
    "compress": "create\n  compress",
    "delaycompress": "create\n  compress\n  delaycompress",
    "copytruncate, delaycompress": "copytruncate\n  compress\n  delaycompress",
    "dateext, extension, compress": f"create\n  {DATED}\n  extension .log\n  compress",
}


@dataclass
class Writer:
    """Writes lines that bear their numbers, one write each, to a file opened for appending, so many a second."""

    path: Path
    lines_per_second: float
    written: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        log, begun, before = self._open(), time.monotonic(), 0
        while not self._stop.is_set():
            due = int((time.monotonic() - begun) * self.lines_per_second) - before
            for _ in range(due):
                os.write(log, b"%08d,%s\n" % (self.written, PAD.encode()))
                self.written += 1
                before += 1
            if self.asked.exists():
                os.close(log)
                log = self._open()
                self.asked.unlink()
            self._stop.wait(0.002)
        os.close(log)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @property
    def asked(self) -> Path:
        """Where logrotate's postrotate asks it to open its file again, as by SIGHUP, and waits until it has."""
        return self.path.parent.parent / "reopen"

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


class Rotator:
    """The real logrotate on one file, in one of MODES."""

    def __init__(self, writer: Writer, mode: str, keep: int = 1000) -> None:
        log, asked = writer.path, writer.asked
        self._folder = log.parent.parent / "logrotate"
        self._folder.mkdir()
        self._conf = self._folder / "conf"
        ask = f"postrotate\n    touch {asked}; while [ -e {asked} ]; do sleep 0.005; done\n  endscript"
        self._conf.write_text(f"{log} {{\n  rotate {keep}\n  missingok\n  {MODES[mode]}\n  {ask}\n}}\n")
        self._conf.chmod(0o644)
        log.parent.chmod(0o755)

    def rotate(self) -> None:
        """Once."""
        command = [LOGROTATE, "--force", "--state", str(self._folder / "state"), str(self._conf)]
        subprocess.run(command, check=True, capture_output=True)


def lines_of(folder: Path) -> list[bytes]:
    """All lines that lie in the folder, in files compressed or not."""
    found = []
    for path in folder.iterdir():
        raw = path.read_bytes()
        if raw.startswith(b"\x1f\x8b"):
            raw = gzip.decompress(raw)
        elif raw.startswith(b"BZh"):
            raw = bz2.decompress(raw)
        found += raw.splitlines()
    return found


def numbers_of(lines: list[bytes]) -> list[int]:
    """The numbers of the lines that are whole."""
    return sorted(int(line[:8]) for line in lines if len(line) == 9 + len(PAD))
