"""`dcp test`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, set_up, spec_argument


@click.command()
@spec_argument
@json_option
@exits
def command(spec: str, output: str) -> int:
    """Play the spec's examples: records, and the rows or rejects that are to come of them. Writes nothing.

    They stand in SPEC.examples.yaml beside the spec, or in its file as a document of `kind: Examples`.
    """
    from dcp_cli.examples.command import try_examples

    return try_examples(set_up(spec), spec, output)
