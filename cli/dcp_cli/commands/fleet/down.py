"""`dcp down`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits
from dcp_cli.options import duration_of


@click.command()
@click.argument("folder", default=".", metavar="[FOLDER|SPEC]", type=click.Path(exists=True, path_type=Path))
@click.option("--timeout", default="2m", show_default=True, metavar="TIME", help="How long to wait for it.")
@exits
def command(folder: Path, timeout: str) -> int:
    """End a `dcp up` cleanly: what is in hand is finished, and the next start goes on. Waits until it is done."""
    from dcp_cli.up.show import down

    return down(folder, duration_of("timeout", timeout))
