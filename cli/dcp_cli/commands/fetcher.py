"""`dcp fetcher`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import log_options, profile_option, server_options, set_up, spec_argument
from dcp_pipeline.process.starting import nothing_is_garbage


@click.command()
@spec_argument
@click.option("--once", is_flag=True, help="End when every listed object is cut and enqueued.")
@click.option("--health-host", default="127.0.0.1", show_default=True)
@click.option("--health-port", type=int, default=8080, show_default=True, help="/healthz, /readyz and /metrics.")
@server_options
@profile_option
@log_options
@exits
def command(
    spec: str, once: bool, health_host: str, health_port: int, redis: str | None, sink: str | None, profile: str | None
) -> int:
    """Fetch only: list the sources, cut their objects into batches, enqueue them. One per pipeline."""
    with nothing_is_garbage():
        setup = set_up(spec, redis, sink, profile)
        from dcp_fetcher.process import run_fetcher

    return run_fetcher(setup, once, health_host, health_port)
