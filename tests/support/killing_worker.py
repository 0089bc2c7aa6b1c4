"""`dcp worker` that dies of one batch: python killing_worker.py SPEC SEQUENCE.

It composes the product as the command line does, with an observer that sends SIGKILL to its own process whenever it
has claimed the batch whose first record is FIRST_RECORD_ID: what a poison batch does by itself.
"""

from __future__ import annotations

import os
import signal
import sys

from dcp_cli.options import set_up
from dcp_pipeline.observe.phases import Phase
from dcp_worker.process import run_worker


def dies_of(batch_id: str):
    """An observer that ends the process when it is given this batch."""

    def observe(phase: Phase, seen: str) -> None:
        if phase is Phase.CLAIMED and seen == batch_id:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


if __name__ == "__main__":
    spec, poison = sys.argv[1:3]
    sys.exit(run_worker(set_up(spec), "127.0.0.1", 0, dies_of(poison)))
