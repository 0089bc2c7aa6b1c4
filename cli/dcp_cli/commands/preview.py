"""`dcp preview`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.command()
@spec_argument
@click.option("-n", "--records", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Records to show.")
@json_option
@exits
def command(spec: str, records: int, output: str) -> int:
    """Show the first records before and after cleaning, and why some are rejected. Writes nothing."""
    from dcp_cli.preview import preview_spec

    return preview_spec(set_up(spec), records, output)
