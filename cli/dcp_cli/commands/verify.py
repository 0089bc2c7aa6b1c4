"""`dcp verify`."""

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
    """Recompute the books from the sink alone, and name every object that does not balance."""
    from dcp_cli.check import verify_books

    return verify_books(set_up(spec, redis, sink), spec, output)
