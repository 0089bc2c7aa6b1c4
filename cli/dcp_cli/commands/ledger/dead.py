"""`dcp dead`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, server_options, set_up, some_or_all, spec_argument

_BY_IDS = "batches (see `dcp dead ls`)"


@click.group()
def command() -> None:
    """Batches that were given up: list, look at, requeue or purge them."""


@command.command("ls")
@spec_argument
@server_options
@json_option
@exits
def dead_ls(spec: str, redis: str | None, sink: str | None, output: str) -> int:
    """List dead batches with their reasons."""
    from dcp_cli.ledger.dead import list_dead

    return list_dead(set_up(spec, redis, sink), output)


@command.command("show")
@spec_argument
@click.argument("batch")
@server_options
@exits
def dead_show(spec: str, batch: str, redis: str | None, sink: str | None) -> int:
    """Write a dead batch's records, as they came, to stdout."""
    from dcp_cli.ledger.dead import show_dead

    return show_dead(set_up(spec, redis, sink), batch)


@command.command("requeue")
@spec_argument
@some_or_all("batches", "dead batches", _BY_IDS)
@server_options
@json_option
@exits
def dead_requeue(
    spec: str, batches: tuple[str, ...], every: bool, redis: str | None, sink: str | None, output: str
) -> int:
    """Give dead batches another life: their attempts start anew."""
    from dcp_cli.ledger.dead import requeue_dead

    return requeue_dead(set_up(spec, redis, sink), batches, every, output)


@command.command("purge")
@spec_argument
@some_or_all("batches", "dead batches", _BY_IDS)
@server_options
@exits
def dead_purge(spec: str, batches: tuple[str, ...], every: bool, redis: str | None, sink: str | None) -> int:
    """Drop the bytes of dead batches from the queue. In the ledger they stay dead, with their reason."""
    from dcp_cli.ledger.dead import purge_dead

    return purge_dead(set_up(spec, redis, sink), batches, every)
