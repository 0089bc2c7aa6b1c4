"""`dcp doctor`."""

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
    """Look at everything around a pipeline: what is wrong, and how to mend it. Nothing is made or changed.

    Secrets, sources, queue, database (rights by name, table, settings), clocks, disks, limits. Exit code 1 where
    something is wrong; warnings alone end with 0.
    """
    from dcp_cli.doctor.command import examine

    return examine(set_up(spec, redis, sink), spec, output)
