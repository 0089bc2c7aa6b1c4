"""`dcp status`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, server_options, set_up, spec_argument


@click.command()
@spec_argument
@click.option("--all", "every", is_flag=True, help="All objects and all that is wrong, not only the last.")
@server_options
@json_option
@exits
def command(spec: str, every: bool, redis: str | None, sink: str | None, output: str) -> int:
    """Show the last objects with their books, what is wrong, the queue, and the workers with their CPU and memory."""
    from dcp_cli.look import show_status

    return show_status(set_up(spec, redis, sink), spec, output, every)
