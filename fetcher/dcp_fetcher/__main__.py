"""`python -m dcp_fetcher SPEC`: the fetcher alone, as its image runs it. `dcp fetcher` has more options."""

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

        started = start_component("dcp_fetcher", arguments)
        if started is None:
            return INVALID
        from dcp_fetcher.process import run_fetcher

    return run_fetcher(started.setup, False, started.health_host, started.health_port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
