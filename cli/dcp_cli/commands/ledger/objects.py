"""`dcp objects`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, server_options, set_up, some_or_all, spec_argument

_BY_IDS = "objects by their ids (see `dcp objects ls`)"
_BY_HELD_IDS = "objects by their ids (see `dcp objects ls --state held`)"


@click.group()
def command() -> None:
    """Objects, each one version of one file: list them, forget those that are unavailable, have them read again."""


@command.command("ls")
@spec_argument
@click.option(
    "--state", type=click.Choice(["cutting", "cut", "unavailable", "history", "held"]), help="Only of this state."
)
@click.option("--source", help="Only of this source.")
@click.option("--before", metavar="ID", help="The 1,000 that came before this one.")
@click.option("--all", "every", is_flag=True, help="All of them.")
@server_options
@json_option
@exits
def objects_ls(
    spec: str,
    state: str | None,
    source: str | None,
    before: str | None,
    every: bool,
    redis: str | None,
    sink: str | None,
    output: str,
) -> int:
    """List the newest 1,000 objects with their state, their records and the reason."""
    from dcp_cli.ledger.objects import list_objects

    return list_objects(set_up(spec, redis, sink), state, source, output, before, every)


@command.command("forget")
@spec_argument
@some_or_all("objects", "that are unavailable", _BY_IDS)
@server_options
@exits
def objects_forget(spec: str, objects: tuple[str, ...], every: bool, redis: str | None, sink: str | None) -> int:
    """Take unavailable objects as they are: no failure any longer. What was read of them stays."""
    from dcp_cli.ledger.objects import forget_objects

    return forget_objects(set_up(spec, redis, sink), objects, every)


@command.command("reread")
@spec_argument
@some_or_all("objects", "that are unavailable", _BY_IDS)
@server_options
@exits
def objects_reread(spec: str, objects: tuple[str, ...], every: bool, redis: str | None, sink: str | None) -> int:
    """Have the fetcher read objects again from their beginning, by the spec as it is now."""
    from dcp_cli.ledger.objects import reread_objects

    return reread_objects(set_up(spec, redis, sink), objects, every)


@command.command("release")
@spec_argument
@some_or_all("objects", "that are held", _BY_HELD_IDS)
@server_options
@json_option
@exits
def objects_release(
    spec: str, objects: tuple[str, ...], every: bool, redis: str | None, sink: str | None, output: str
) -> int:
    """Take objects that are held as they are, whatever is rejected of them: what waits is cleaned and written."""
    from dcp_cli.ledger.held import release_objects

    return release_objects(set_up(spec, redis, sink), objects, every, output)


@command.command("drop")
@spec_argument
@some_or_all("objects", "that are held", _BY_HELD_IDS)
@server_options
@exits
def objects_drop(spec: str, objects: tuple[str, ...], every: bool, redis: str | None, sink: str | None) -> int:
    """Leave out what waits of objects that are held: its records count as filtered."""
    from dcp_cli.ledger.held import drop_objects

    return drop_objects(set_up(spec, redis, sink), objects, every)
