"""`dcp forget`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, server_options, set_up, spec_argument


@click.command()
@spec_argument
@server_options
@click.option("--yes", is_flag=True, help="Do it. Without, only what there is is counted, and the exit code is 2.")
@click.option("--force", is_flag=True, help="Also where fetcher or workers have been at work just now.")
@json_option
@exits
def command(spec: str, redis: str | None, sink: str | None, yes: bool, force: bool, output: str) -> int:
    """Delete what a pipeline leaves beside its rows: its queue's keys, and its books (objects, batches, rejects, tasks)
    in the ledger. The rows of the clean table stay, and so does what other pipelines have in the same ledger. Killed,
    or where one side could not be reached, it goes on when it is called again."""
    from dcp_cli.forget.command import forget

    return forget(set_up(spec, redis, sink), yes, force, output)
