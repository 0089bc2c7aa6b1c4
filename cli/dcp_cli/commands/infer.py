"""`dcp infer`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option


@click.command()
@click.argument("where", metavar="URL|FILE")
@click.option(
    "-n", "--records", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Records to read."
)
@click.option("--name", help="The pipeline's name; made from the file's by default.")
@json_option
@exits
def command(where: str, records: int, name: str | None, output: str) -> int:
    """Draft a spec for a file that you have never seen: format, fields, types, with what was seen as comments.

    \b
      dcp infer https://feed.example/list.csv > list.yaml
      dcp preview list.yaml
      dcp run list.yaml --once
    """
    from dcp_cli.infer.command import infer_spec

    return infer_spec(where, records, name, output)
