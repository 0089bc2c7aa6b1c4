"""`dcp expect`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.command()
@spec_argument
@click.option("--sink", metavar="URL", help="The sink's database, instead of the spec's.")
@json_option
@exits
def command(spec: str, sink: str | None, output: str) -> int:
    """Is what the spec expects met: new data, so many records, so few rejects? 1 where not. By the ledger alone."""
    from dcp_cli.check import show_expectations

    return show_expectations(set_up(spec, sink=sink), output)
