"""`dcp logs`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("-C", "--folder", default=".", type=click.Path(exists=True, path_type=Path), help="Of the `dcp up`.")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come; Ctrl-C ends it.")
@click.option("--errors", is_flag=True, help="Errors only, with what stands below them.")
@click.option("-n", "--lines", type=click.IntRange(0), default=100, show_default=True, help="So many of the last ones.")
@exits
def command(names: tuple[str, ...], folder: Path, follow: bool, errors: bool, lines: int) -> int:
    """The logs of the pipelines of a `dcp up`, whether it still runs or not, in the order of their time."""
    from dcp_cli.up.logs import show_logs

    return show_logs(folder, names, follow, errors, lines)
