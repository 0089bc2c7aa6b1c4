"""`dcp validate`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, spec_argument


@click.command()
@spec_argument
@json_option
@exits
def command(spec: str, output: str) -> int:
    """Say everything that is wrong with a spec, or that nothing is. Needs no server."""
    from dcp_cli.check import validate_spec

    return validate_spec(spec, output)
