"""`dcp restart`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits
from dcp_cli.options import duration_of


@click.command()
@click.argument("name", default="", metavar="[NAME]")
@click.option("-C", "--folder", default=".", type=click.Path(exists=True, path_type=Path), help="Of the `dcp up`.")
@click.option("--upgrade", is_flag=True, help="The software too: by what is installed now. All pipelines.")
@click.option("--timeout", default="3m", show_default=True, metavar="TIME", help="How long to wait for it.")
@exits
def command(name: str, folder: Path, upgrade: bool, timeout: str) -> int:
    """Replace the processes of a pipeline, or of all: workers one by one, the new one first. Waits until it is done."""
    from dcp_cli.up.show import restart

    if upgrade and name:
        raise click.UsageError("--upgrade is for all pipelines: they have one program")
    return restart(folder, name, duration_of("timeout", timeout), upgrade)
