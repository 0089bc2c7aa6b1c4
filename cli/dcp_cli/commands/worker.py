"""`dcp worker`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import log_options, profile_option, server_options, set_up, spec_argument
from dcp_pipeline.process.allocators import keep_memory_at_hand
from dcp_pipeline.process.starting import nothing_is_garbage


@click.command()
@spec_argument
@click.option("--health-host", default="127.0.0.1", show_default=True)
@click.option("--health-port", type=int, default=8081, show_default=True, help="/healthz, /readyz and /metrics.")
@server_options
@profile_option
@log_options
@exits
def command(
    spec: str, health_host: str, health_port: int, redis: str | None, sink: str | None, profile: str | None
) -> int:
    """Clean only: take batches from the queue and commit them. As many as you like."""
    with nothing_is_garbage():
        setup = set_up(spec, redis, sink, profile)
        keep_memory_at_hand(setup.pipeline.spec.worker.concurrency)
        from dcp_worker.process import run_worker

    return run_worker(setup, health_host, health_port)
