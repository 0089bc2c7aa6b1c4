"""`dcp backup`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.command()
@spec_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--sink", metavar="URL", help="The sink's database, instead of the spec's.")
@json_option
@exits
def command(spec: str, file: Path, sink: str | None, output: str) -> int:
    """Write books and rows of a pipeline, of one moment, into FILE. The pipeline may go on."""
    from dcp_cli.backup.backup import back_up

    return back_up(set_up(spec, sink=sink), file, output)
