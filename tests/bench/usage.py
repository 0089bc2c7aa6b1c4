"""What processes cost: CPU seconds and peak memory, from /proc while they live and from wait4 once they ended."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a living process so far, with that of its children that have ended.

    Raises OSError where there is none.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[n]) for n in (11, 12, 13, 14)) / _TICKS


def peak_mb(pid: int) -> float:
    """VmHWM of a living process in MB (10^6 bytes); 0 where it is about to end. Raises OSError where there is none."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def family(pid: int) -> list[int]:
    """The process and its living descendants."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        for task in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            with suppress(OSError):
                waiting += [int(each) for each in task.read_text().split()]
    return found


class Steal:
    """How much of the machine's CPU time its host gave to other machines, since this was made (`st` of top)."""

    def __init__(self) -> None:
        self._before = self._ticks()

    def share(self) -> float:
        """From 0 to 1."""
        stolen, total = (now - before for now, before in zip(self._ticks(), self._before, strict=True))
        return stolen / total if total else 0.0

    @staticmethod
    def _ticks() -> tuple[int, int]:
        fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return fields[7], sum(fields)


class Watched:
    """A process and its children: what they cost, also after their end. look() is to be called now and then.

    `log` is the file that it writes to.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log
        self._peaks: dict[int, float] = {}
        self._spent_seconds: float | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def look(self) -> bool:
        """Note the peaks so far; whether the process still lives."""
        if self._spent_seconds is None and not self._reap(os.WNOHANG):
            for pid in family(self._process.pid):
                with suppress(OSError):
                    self._peaks[pid] = max(peak_mb(pid), self._peaks.get(pid, 0.0))
        return self._spent_seconds is None

    def wait(self) -> int:
        """Its exit code, once it has ended by itself or by what it was told."""
        if self._spent_seconds is None:
            self._reap(0)
        assert self._process.returncode is not None
        return self._process.returncode

    def end(self) -> None:
        """SIGTERM to the process itself, not to its children. Raises AssertionError unless it ends well."""
        self._process.send_signal(signal.SIGTERM)
        assert self.wait() == 0, self.said()

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-3000:]

    def cpu_seconds(self) -> float:
        """So far, or of its whole life."""
        if self._spent_seconds is not None:
            return self._spent_seconds
        spent = 0.0
        for pid in family(self._process.pid):
            with suppress(OSError):
                spent += cpu_seconds(pid)
        return spent

    @property
    def peak_mb(self) -> float:
        """The peaks of all its processes added up; pages that they share are counted in each."""
        return sum(self._peaks.values())

    def _reap(self, options: int) -> bool:
        # wait4 and not Popen.wait: only it tells what the process cost.
        pid, status, spent = os.wait4(self._process.pid, options)
        if pid:
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self._spent_seconds = spent.ru_utime + spent.ru_stime
        return bool(pid)
