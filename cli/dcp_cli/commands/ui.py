"""`dcp ui`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits


@click.command()
@click.argument(
    "specs", nargs=-1, required=True, metavar="SPEC|FOLDER...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0: a free one.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="Answer to this name too, behind a proxy.")
@click.option("--actions", is_flag=True, help="Let things be done, by whoever shows the token.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the token of --actions is; $DCP_UI_TOKEN, else a file that is made beside the first spec.",
)
@exits
def command(
    specs: tuple[Path, ...], host: str, port: int, hosts: tuple[str, ...], actions: bool, token_file: Path | None
) -> int:
    """Show pipelines in the browser: their ways, books, rejects, dead batches. Read-only without --actions."""
    from dcp_cli.page import serve_page

    return serve_page(specs, host, port, hosts, actions, token_file)
