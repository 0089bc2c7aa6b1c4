"""`python -m dcp_worker SPEC`: the worker alone, as its image runs it. `dcp worker` is the same with more options."""

from __future__ import annotations

import os
import signal
import sys


def main(arguments: list[str]) -> int:
    """The exit code."""
    # As a container's first process it has no default action for SIGTERM, and the imports take a while.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from dcp_pipeline.process.exit_codes import INVALID
    from dcp_pipeline.process.starting import nothing_is_garbage

    with nothing_is_garbage():
        from dcp_pipeline.setup import start_component

        started = start_component("dcp_worker", arguments)
        if started is None:
            return INVALID
        from dcp_pipeline.process.allocators import keep_memory_at_hand

        keep_memory_at_hand(started.setup.pipeline.spec.worker.concurrency)
        from dcp_worker.process import run_worker

    return run_worker(started.setup, started.health_host, started.health_port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
