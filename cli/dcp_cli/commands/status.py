"""`dcp status`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, server_options, set_up, spec_argument


@click.command()
@spec_argument
@server_options
@json_option
@exits
def command(spec: str, redis: str | None, sink: str | None, output: str) -> int:
    """Show the books, the queue, the workers with their uptime, CPU and memory, and the rows of the last 5 minutes."""
    from dcp_cli.look import show_status

    return show_status(set_up(spec, redis, sink), output)
