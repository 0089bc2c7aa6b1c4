"""`dcp ps`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option


@click.command()
@click.argument("folder", default=".", metavar="[FOLDER|SPEC]", type=click.Path(exists=True, path_type=Path))
@json_option
@exits
def command(folder: Path, output: str) -> int:
    """The pipelines and processes of a `dcp up`. 1 where one does not run, or a changed file is not taken up."""
    from dcp_cli.up.show import show_processes

    return show_processes(folder, output)
