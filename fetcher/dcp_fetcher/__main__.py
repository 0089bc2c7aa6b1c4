"""`python -m dcp_fetcher SPEC`: the fetcher alone, as its image runs it. `dcp fetcher` has more options."""

from __future__ import annotations

import sys

from dcp_pipeline.setup import start_component


def main(arguments: list[str]) -> int:
    """The exit code; 2 for usage or an invalid spec."""
    started = start_component("dcp_fetcher", arguments)
    if started is None:
        return 2
    from dcp_fetcher.process import run_fetcher

    return run_fetcher(started.setup, False, started.health_host, started.health_port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
