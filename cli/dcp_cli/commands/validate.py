"""`dcp validate`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.command()
@spec_argument
@click.option("--examples", is_flag=True, help="Play its examples too, as `dcp test` does.")
@click.option("--connect", is_flag=True, help="Ask its database, too: does the table fit?")
@json_option
@exits
def command(spec: str, examples: bool, connect: bool, output: str) -> int:
    """Say everything that is wrong with a spec, or that nothing is. Needs no server but for --connect."""
    if examples and output == "json":
        raise click.UsageError("-o json is one answer: `dcp test SPEC -o json` has that of the examples")
    if connect and output == "json":
        raise click.UsageError("-o json is one answer: `dcp doctor SPEC -o json` has that of the database")
    from dcp_cli.check import validate_spec

    code = validate_spec(spec, output)
    if not code and connect:
        from dcp_cli.doctor.command import ask_the_sink

        ask_the_sink(set_up(spec), spec)
    if code or not examples:
        return code
    from dcp_cli.examples.command import try_examples

    return try_examples(set_up(spec), spec, output)
