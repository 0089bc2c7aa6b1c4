"""`dcp queue`."""

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
    """Show what the queue and the inbox hold."""
    from dcp_cli.look import show_queue

    return show_queue(set_up(spec, redis, sink), output)
