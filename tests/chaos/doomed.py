"""`dcp fetcher` or `dcp worker` that keeps a journal of its phases, and kills, stops or delays itself at one of them:

    python doomed.py fetcher|worker SPEC JOURNAL [PHASE NTH kill|stop|dawdle SECONDS]

It composes the product as the command line does, with an observer of the phases. journal.py reads what it writes.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time

_SLEEP = time.sleep


def _sleep(seconds: float) -> None:
    """libfaketime refuses a sleep whose end has passed by the time it looks at it; a kernel returns from it."""
    try:
        _SLEEP(seconds)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


if "FAKETIME" in os.environ:
    time.sleep = _sleep  # before anything imports it by its name

from dcp_cli.options import set_up  # noqa: E402
from dcp_pipeline.observe.phases import Phase  # noqa: E402


class Journal:
    """An observer that writes a line for each phase; one write each, so that a kill leaves whole lines."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, word: str, batch_id: str) -> None:
        line = f"{time.monotonic():.3f} {threading.current_thread().name} {word} {batch_id or '-'}\n"
        os.write(self._file, line.encode())


class Doomed:
    """An observer that does to its own process what was foretold."""

    def __init__(self, journal: Journal, phase: Phase, nth: int, how: str, seconds: float) -> None:
        self._journal, self._phase, self._left = journal, phase, nth
        self._how, self._seconds = how, seconds
        self._lock = threading.Lock()

    def __call__(self, phase: Phase, batch_id: str) -> None:
        self._journal.write(phase.value, batch_id)
        if phase is not self._phase:
            return
        with self._lock:
            self._left -= 1
            if self._left != 0:
                return
        self._journal.write(f"{self._how}:{self._seconds}", batch_id)
        if self._how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._how == "dawdle":
            time.sleep(self._seconds)
        else:
            # A stopped process cannot wake itself.
            subprocess.Popen(["sh", "-c", f"sleep {self._seconds}; kill -CONT {os.getpid()}"])
            os.kill(os.getpid(), signal.SIGSTOP)


def main(kind: str, spec: str, path: str, *doom: str) -> int:
    journal = Journal(path)
    observer = lambda phase, batch_id: journal.write(phase.value, batch_id)  # noqa: E731
    if doom:
        phase, nth, how, seconds = doom
        observer = Doomed(journal, Phase(phase), int(nth), how, float(seconds))
    setup = set_up(spec)
    if kind == "fetcher":
        from dcp_fetcher.process import run_fetcher

        return run_fetcher(setup, False, "127.0.0.1", 0, observer)
    from dcp_worker.process import run_worker

    return run_worker(setup, "127.0.0.1", 0, observer)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
