"""`dcp restore`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.command()
@spec_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only read FILE to its end, and say what it holds.")
@click.option("--sink", metavar="URL", help="The database to restore into, instead of the spec's.")
@json_option
@exits
def command(spec: str, file: Path, only_check: bool, sink: str | None, output: str) -> int:
    """Put a backup into a database that has nothing of the pipeline, all or nothing, then verify the books."""
    from dcp_cli.backup.restore import check, restore

    setup = set_up(spec, sink=sink)
    return check(file, output) if only_check else restore(setup, file, output)
