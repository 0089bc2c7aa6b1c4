"""`dcp backup`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import CommandFailed, exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.command()
@spec_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--sink", metavar="URL", help="The sink's database, instead of the spec's.")
@click.option("--overwrite", is_flag=True, help="Put it in the place of a backup that is there.")
@json_option
@exits
def command(spec: str, file: Path, sink: str | None, overwrite: bool, output: str) -> int:
    """Write books and rows of a pipeline, of one moment, into FILE. The pipeline may go on."""
    from dcp_cli.backup.archive import may_be_replaced
    from dcp_cli.backup.backup import back_up

    if file.exists() and not overwrite:
        raise CommandFailed(f"{file} is there already: name another file, or take its place with --overwrite")
    if file.exists() and not may_be_replaced(file):
        raise CommandFailed(f"{file} is no backup of dcp's, and stays: name another file")
    return back_up(set_up(spec, sink=sink), file, output)
