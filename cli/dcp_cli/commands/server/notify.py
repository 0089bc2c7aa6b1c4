"""`dcp notify`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.group()
def command() -> None:
    """Whom spec.notify tells of trouble: try it, or look and tell once."""


@command.command("test")
@spec_argument
@json_option
@exits
def notify_test(spec: str, output: str) -> int:
    """Send a test to everybody in spec.notify; 1 where one does not get it."""
    from dcp_cli.notify.commands import send_test

    return send_test(set_up(spec), output)


@command.command("look")
@spec_argument
@click.option("--sink", metavar="URL", help="The sink's database, instead of the spec's.")
@exits
def notify_look(spec: str, sink: str | None) -> int:
    """Look at the ledger and tell what is news: from cron, where fetcher and workers are processes of their own."""
    from dcp_cli.notify.commands import look_and_tell

    return look_and_tell(set_up(spec, sink=sink), spec)
