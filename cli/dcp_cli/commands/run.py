"""`dcp run`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import duration_of, json_option, log_options, profile_option, server_options, set_up, spec_argument
from dcp_pipeline.process.allocators import keep_memory_small
from dcp_pipeline.process.starting import nothing_is_garbage


@click.command()
@spec_argument
@click.option("--once", is_flag=True, help="End when every listed object is in the table.")
@click.option("--timeout", metavar="TIME", help="End --once after so long, such as 30m; the next run goes on.")
@click.option("-q", "--quiet", is_flag=True, help="With --once: say nothing where all is well, as cron wants it.")
@click.option("--health-host", default="127.0.0.1", show_default=True)
@click.option("--health-port", type=int, metavar="PORT", help="Answer /healthz, /readyz and /metrics here.")
@server_options
@profile_option
@log_options
@json_option
@exits
def command(
    spec: str,
    once: bool,
    timeout: str | None,
    quiet: bool,
    health_host: str,
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
    if timeout is not None and not once:
        raise click.UsageError("--timeout is for --once")
    if quiet and not once:
        raise click.UsageError("-q is for --once")
    seconds = duration_of("timeout", timeout) if timeout is not None else None
    with nothing_is_garbage():
        setup = set_up(spec, redis, sink, profile, only_errors=quiet)
        keep_memory_small(setup.pipeline.spec.worker.concurrency)
        from dcp_cli.run import RunOptions
        from dcp_cli.run import run as run_pipeline

    return run_pipeline(setup, RunOptions(spec, once, output, health_host, health_port, seconds, quiet))
