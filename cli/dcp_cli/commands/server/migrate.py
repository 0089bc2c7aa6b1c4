"""`dcp migrate`."""

from __future__ import annotations

from contextlib import ExitStack

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, print_json, server_options, set_up, spec_argument

_ROWS_PER_LINE = 1_000_000


@click.command()
@spec_argument
@server_options
@click.option("--abandon", is_flag=True, help="Give a move up that was killed: the table is what it was.")
@json_option
@exits
def command(spec: str, redis: str | None, sink: str | None, abandon: bool, output: str) -> int:
    """Move the table of an older release, so that a row costs the same however large it is; where the spec has a
    retention, give it partitions. Stop fetcher and workers before. Killed, it goes on where it was when it is called
    again."""
    from dcp_cli.look import ledger_of
    from dcp_cli.shown.say import say
    from dcp_pipeline.ledger.expiring.plan import kept_of
    from dcp_worker.sink.migrating import moving, parting

    setup, moved = set_up(spec, redis, sink), [0]
    table, cleaning = setup.pipeline.table, setup.pipeline.spec.cleaning

    def told(rows: int) -> None:
        before, moved[0] = moved[0], moved[0] + rows
        if before // _ROWS_PER_LINE != moved[0] // _ROWS_PER_LINE:
            say(f"{moved[0]:,} rows of {table} are moved", err=True)

    with ExitStack() as stack:
        engine = ledger_of(setup, stack).engine
        done = moving.abandon(engine, table) if abandon else moving.migrate(engine, table, cleaning, told)
        kept = None if abandon else kept_of(setup.pipeline)
        parted = None if kept is None else parting.part(engine, table, kept)
    if output == "json":
        print_json(
            {
                "table": table,
                "rows": done.rows,
                "before": done.before,
                "nothing_to_do": done.reason,
                "partitions": parted,
            }
        )
    elif done.reason is not None:
        say(f"{table}: nothing to do: {done.reason}")
    elif abandon:
        say(f"{table}: given up; it is what it was")
    else:
        say(f"{table}: {done.rows:,} rows are moved; `dcp verify` recomputes the books")
        if done.before:
            say(f"the old one is {done.before}: drop it when you need it no more")
    if parted is not None and output != "json":
        say(f"{table}: partitions: {parted}")
    return 0
