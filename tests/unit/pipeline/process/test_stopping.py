"""A process that is asked to stop hears it, whatever happened to it just before."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

PROGRAM = """
import signal
import threading
import time
from dcp_pipeline.process.stopping import told_to_stop

def work():
    while True:
        time.sleep(0.0005)

for _ in range(6):
    threading.Thread(target=work, daemon=True).start()
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
stopping = threading.Event()
with told_to_stop(lambda _: stopping.set()):
    print("ready", flush=True)
    stopping.wait()
"""


@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGTERM],
        [signal.SIGINT],
        [signal.SIGHUP],
        # The kernel may give the last one to another thread than the main one: without told_to_stop two of three hung.
        [signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM],
    ],
)
def test_a_process_with_busy_threads_ends_when_it_is_asked_to(signals: Sequence[signal.Signals]) -> None:
    running = [subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) for _ in range(8)]
    try:
        for each in running:
            assert each.stdout is not None
            assert each.stdout.readline() == b"ready\n"
            for number in signals:
                each.send_signal(number)
        assert [each.wait(30) for each in running] == [0] * len(running)
    finally:
        for each in running:
            each.kill()
            each.wait()
