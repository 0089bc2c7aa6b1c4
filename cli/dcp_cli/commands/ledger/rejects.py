"""`dcp rejects`."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import json_option, reject_filters, server_options, set_up, spec_argument


@click.group()
def command() -> None:
    """Records that were refused: list, export, or replay them once the rule is mended."""


@command.command("ls")
@spec_argument
@reject_filters
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="Rejects to show.")
@server_options
@json_option
@exits
def rejects_ls(
    spec: str,
    code: str | None,
    field: str | None,
    source: str | None,
    object_id: str | None,
    replaced: bool,
    limit: int,
    redis: str | None,
    sink: str | None,
    output: str,
) -> int:
    """List rejects: where each stands in its source, the rule, the reason, its bytes."""
    from dcp_cli.ledger.rejects import list_rejects, standing
    from dcp_pipeline.ledger.model import RejectFilter

    setup = set_up(spec, redis, sink)
    return list_rejects(setup, standing(setup, RejectFilter(source, object_id, code, field), replaced), limit, output)


@command.command("export")
@spec_argument
@reject_filters
@click.option("--format", "style", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True)
@server_options
@exits
def rejects_export(
    spec: str,
    code: str | None,
    field: str | None,
    source: str | None,
    object_id: str | None,
    replaced: bool,
    style: str,
    redis: str | None,
    sink: str | None,
) -> int:
    """Write all rejects to stdout. In csv, cells that a spreadsheet would run as a formula get a ' before them."""
    from dcp_cli.ledger.rejects import export_rejects, standing
    from dcp_pipeline.ledger.model import RejectFilter

    setup = set_up(spec, redis, sink)
    return export_rejects(setup, standing(setup, RejectFilter(source, object_id, code, field), replaced), style)


@command.command("replay")
@spec_argument
@reject_filters
@server_options
@json_option
@exits
def rejects_replay(
    spec: str,
    code: str | None,
    field: str | None,
    source: str | None,
    object_id: str | None,
    replaced: bool,
    redis: str | None,
    sink: str | None,
    output: str,
) -> int:
    """Clean rejects again by the spec as it is now. Killed or repeated, each counts once."""
    from dcp_cli.ledger.rejects import replay_rejects, standing
    from dcp_pipeline.ledger.model import RejectFilter

    setup = set_up(spec, redis, sink)
    return replay_rejects(setup, standing(setup, RejectFilter(source, object_id, code, field), replaced), output)
