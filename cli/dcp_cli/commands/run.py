"""`dcp run`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, profile_option, server_options, set_up, spec_argument
from dcp_pipeline.allocators import keep_memory_small


@click.command()
@spec_argument
@click.option("--once", is_flag=True, help="End when every listed object is in the table.")
@click.option("--health-port", type=int, metavar="PORT", help="Answer /healthz, /readyz and /metrics here.")
@server_options
@profile_option
@json_option
@exits
def command(
    spec: str,
    once: bool,
    health_port: int | None,
    redis: str | None,
    sink: str | None,
    profile: str | None,
    output: str,
) -> int:
    """Fetch and clean in one process, with a Valkey server of its own and SQLite unless the spec says otherwise.

    \b
      dcp run pipeline.yaml --once
      dcp run pipeline.yaml --once -o json | jq .rejected_by_code
      dcp run pipeline.yaml --redis redis://localhost/0 --sink mysql+pymysql://me@localhost/clean
    """
    setup = set_up(spec, redis, sink, profile)
    keep_memory_small(setup.pipeline.spec.worker.concurrency)
    from dcp_cli.run import RunOptions
    from dcp_cli.run import run as run_pipeline

    return run_pipeline(setup, RunOptions(spec=spec, once=once, output=output, health_port=health_port))
