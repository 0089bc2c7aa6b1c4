"""`dcp submit`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, server_options, set_up, spec_argument


@click.command()
@spec_argument
@click.argument("url")
@click.option("--priority", type=click.IntRange(0, 1_000_000), help="Lower numbers go first; the source's by default.")
@click.option("--source", help="The source whose format and credentials apply; the first that fits by default.")
@server_options
@json_option
@exits
def command(
    spec: str, url: str, priority: int | None, source: str | None, redis: str | None, sink: str | None, output: str
) -> int:
    """Leave a file for a running fetcher, as `redis-cli LPUSH <queue> '{"url": ...}'` does."""
    from dcp_cli.submit import submit_task

    return submit_task(set_up(spec, redis, sink), url, priority, source, output)
