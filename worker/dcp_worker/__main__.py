"""`python -m dcp_worker SPEC`: the worker alone, as its image runs it. `dcp worker` is the same with more options."""

from __future__ import annotations

import sys

from dcp_pipeline.allocators import keep_memory_small
from dcp_pipeline.setup import start_component


def main(arguments: list[str]) -> int:
    """The exit code; 2 for usage or an invalid spec."""
    started = start_component("dcp_worker", arguments)
    if started is None:
        return 2
    keep_memory_small(started.setup.pipeline.spec.worker.concurrency)
    from dcp_worker.process import run_worker

    return run_worker(started.setup, started.health_host, started.health_port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
