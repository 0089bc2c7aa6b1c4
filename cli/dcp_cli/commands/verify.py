"""`dcp verify`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import duration_of, json_option, server_options, set_up, spec_argument


@click.command()
@spec_argument
@click.option("--since", metavar="TIME", help="Only objects that changed in the last so long (24h), or are not done.")
@click.option("--recount", is_flag=True, help="Forget the totals of what is settled: they are counted again.")
@click.option("--resume", is_flag=True, help="Go on where a verify of these books was ended.")
@server_options
@json_option
@exits
def command(
    spec: str, since: str | None, recount: bool, resume: bool, redis: str | None, sink: str | None, output: str
) -> int:
    """Recompute the books from the sink alone, and name every object that does not balance."""
    from dcp_cli import verifying

    if sum((since is not None, recount, resume)) > 1:
        raise click.UsageError("--since, --recount and --resume exclude each other")
    seconds = duration_of("since", since) if since is not None else None
    setup = set_up(spec, redis, sink)
    return verifying.recount(setup) if recount else verifying.verify_books(setup, spec, output, seconds, resume)
