"""`dcp up`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits
from dcp_cli.options import set_option, settings


@click.command()
@click.argument(
    "specs", nargs=-1, required=True, metavar="FOLDER|SPEC...", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Worker processes of each pipeline, all the time; without it one, while there is work.",
)
@click.option("--ui", is_flag=True, help="Show the pipelines in the browser too, read-only: `dcp ui`.")
@click.option("--ui-host", default="127.0.0.1", show_default=True)
@click.option("--ui-port", type=click.IntRange(1, 65535), default=8090, show_default=True)
@click.option("--metrics", type=click.IntRange(1, 65535), metavar="PORT", help="Serve the metrics of all processes.")
@click.option("--metrics-host", default="127.0.0.1", show_default=True)
@set_option
@exits
def command(
    specs: tuple[Path, ...],
    workers: int | None,
    ui: bool,
    ui_host: str,
    ui_port: int,
    metrics: int | None,
    metrics_host: str,
) -> int:
    """Run all pipelines of a folder, each in processes of its own, and take up changes of the files.

    SIGTERM (or `dcp down`) ends all cleanly, SIGHUP reads every file anew.
    """
    from dcp_cli.up.neighbours import names_put_together

    together = names_put_together()  # before anything that is large is imported
    from dcp_cli.up.command import up
    from dcp_cli.up.supervisor import UpOptions

    def page() -> int:
        from dcp_cli.page import serve_page

        return serve_page(specs, ui_host, ui_port, (), False, None)

    def serve(folder: Path) -> int:
        from dcp_cli.up.scrape import serve_metrics

        return serve_metrics(folder, metrics_host, metrics or 0)

    address = f"http://{ui_host}:{ui_port}/"
    try:
        return up(specs, UpOptions(workers, page if ui else None, address, serve if metrics else None, settings()))
    finally:
        del together
