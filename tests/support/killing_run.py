"""`dcp run --once` that kills itself: python killing_run.py SPEC PHASE NTH [ARGUMENTS OF dcp run].

It composes the product as the command line does, with an observer of the phases that sends SIGKILL to its own
process when PHASE is reached for the NTH time.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from dcp_cli.options import set_up
from dcp_cli.run import RunOptions, run
from dcp_pipeline.observe.phases import Phase


class Killer:
    """An observer that ends the process without a word."""

    def __init__(self, phase: Phase, nth: int) -> None:
        self._phase, self._left, self._lock = phase, nth, threading.Lock()

    def __call__(self, phase: Phase, batch_id: str) -> None:
        if phase is not self._phase:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    spec, phase, nth = sys.argv[1:4]
    sys.exit(run(set_up(spec), RunOptions(spec=spec, once=True, output="json"), Killer(Phase(phase), int(nth))))
