"""`dcp`: the commands. Each imports what it needs when it runs, so that `--help` and `validate` stay quick."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import F, json_option, profile_option, server_options, set_up, spec_argument
from dcp_cli.simulate.cli import simulate
from dcp_pipeline.allocators import keep_memory_at_hand, keep_memory_small

EPILOG = """\b
Exit codes: 0 done · 1 failed, dead batches, an object unavailable, or books that don't balance
            2 invalid spec or usage · 130 interrupted after a clean stop
Settings from the environment: docs/settings.md
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="datacleaning-pipelines", prog_name="dcp")
def main() -> None:
    """Data cleaning pipelines whose books balance: for every input, read = written + duplicates + rejected +
    filtered + dead, exactly, whatever is killed in between.

    \b
    Start here:
      dcp validate examples/botnet.yaml      is the spec right?
      dcp preview examples/botnet.yaml       what would become of the first records?
      dcp run examples/botnet.yaml --once    clean everything that is listed
      dcp verify examples/botnet.yaml        recompute the books from the table alone
    """


@main.command()
@spec_argument
@click.option("--once", is_flag=True, help="End when every listed object is in the table.")
@click.option("--health-port", type=int, metavar="PORT", help="Answer /healthz, /readyz and /metrics here.")
@server_options
@profile_option
@json_option
@exits
def run(
    spec: str,
    once: bool,
    health_port: int | None,
    redis: str | None,
    sink: str | None,
    profile: str | None,
    output: str,
) -> int:
    """Fetch and clean in one process, with a Valkey server of its own and SQLite unless the spec says otherwise.

    \b
      dcp run pipeline.yaml --once
      dcp run pipeline.yaml --once -o json | jq .rejected_by_code
      dcp run pipeline.yaml --redis redis://localhost/0 --sink mysql+pymysql://me@localhost/clean
    """
    setup = set_up(spec, redis, sink, profile)
    keep_memory_small(setup.pipeline.spec.worker.concurrency)
    from dcp_cli.run import RunOptions
    from dcp_cli.run import run as run_pipeline

    return run_pipeline(setup, RunOptions(spec=spec, once=once, output=output, health_port=health_port))


@main.command()
@spec_argument
@click.option("--once", is_flag=True, help="End when every listed object is cut and enqueued.")
@click.option("--health-host", default="127.0.0.1", show_default=True)
@click.option("--health-port", type=int, default=8080, show_default=True, help="/healthz, /readyz and /metrics.")
@server_options
@profile_option
@exits
def fetcher(
    spec: str, once: bool, health_host: str, health_port: int, redis: str | None, sink: str | None, profile: str | None
) -> int:
    """Fetch only: list the sources, cut their objects into batches, enqueue them. One per pipeline."""
    setup = set_up(spec, redis, sink, profile)
    from dcp_fetcher.process import run_fetcher

    return run_fetcher(setup, once, health_host, health_port)


@main.command()
@spec_argument
@click.option("--health-host", default="127.0.0.1", show_default=True)
@click.option("--health-port", type=int, default=8081, show_default=True, help="/healthz, /readyz and /metrics.")
@server_options
@profile_option
@exits
def worker(
    spec: str, health_host: str, health_port: int, redis: str | None, sink: str | None, profile: str | None
) -> int:
    """Clean only: take batches from the queue and commit them. As many as you like."""
    setup = set_up(spec, redis, sink, profile)
    keep_memory_at_hand(setup.pipeline.spec.worker.concurrency)
    from dcp_worker.process import run_worker

    return run_worker(setup, health_host, health_port)


@main.command()
@spec_argument
@json_option
@exits
def validate(spec: str, output: str) -> int:
    """Say everything that is wrong with a spec, or that nothing is. Needs no server."""
    from dcp_cli.check import validate_spec

    return validate_spec(spec, output)


@main.command()
@click.argument("where", metavar="URL|FILE")
@click.option(
    "-n", "records", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Records to read."
)
@click.option("--name", help="The pipeline's name; made from the file's by default.")
@json_option
@exits
def infer(where: str, records: int, name: str | None, output: str) -> int:
    """Draft a spec for a file that you have never seen: format, fields, types, with what was seen as comments.

    \b
      dcp infer https://feed.example/list.csv > list.yaml
      dcp preview list.yaml
      dcp run list.yaml --once
    """
    from dcp_cli.infer.command import infer_spec

    return infer_spec(where, records, name, output)


@main.command()
@spec_argument
@click.option("-n", "records", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Records to show.")
@json_option
@exits
def preview(spec: str, records: int, output: str) -> int:
    """Show the first records before and after cleaning, and why some are rejected. Writes nothing."""
    from dcp_cli.preview import preview_spec

    return preview_spec(set_up(spec), records, output)


@main.command()
@spec_argument
@server_options
@json_option
@exits
def verify(spec: str, redis: str | None, sink: str | None, output: str) -> int:
    """Recompute the books from the sink alone, and name every object that does not balance."""
    from dcp_cli.check import verify_books

    return verify_books(set_up(spec, redis, sink), spec, output)


@main.command()
@spec_argument
@server_options
@json_option
@exits
def status(spec: str, redis: str | None, sink: str | None, output: str) -> int:
    """Show the books, the queue, the workers with their uptime, CPU and memory, and the rows of the last 5 minutes."""
    from dcp_cli.look import show_status

    return show_status(set_up(spec, redis, sink), output)


@main.command()
@spec_argument
@server_options
@json_option
@exits
def queue(spec: str, redis: str | None, sink: str | None, output: str) -> int:
    """Show what the queue and the inbox hold."""
    from dcp_cli.look import show_queue

    return show_queue(set_up(spec, redis, sink), output)


@main.command()
@spec_argument
@click.argument("url")
@click.option("--priority", type=click.IntRange(0, 1_000_000), help="Lower numbers go first; the source's by default.")
@click.option("--source", help="The source whose format and credentials apply; the first that fits by default.")
@server_options
@json_option
@exits
def submit(
    spec: str, url: str, priority: int | None, source: str | None, redis: str | None, sink: str | None, output: str
) -> int:
    """Leave a file for a running fetcher, as `redis-cli LPUSH <queue> '{"url": ...}'` does."""
    from dcp_cli.submit import submit_task

    return submit_task(set_up(spec, redis, sink), url, priority, source, output)


main.add_command(simulate)


@main.group()
def dead() -> None:
    """Batches that were given up: list, look at, requeue or purge them."""


@dead.command("ls")
@spec_argument
@server_options
@json_option
@exits
def dead_ls(spec: str, redis: str | None, sink: str | None, output: str) -> int:
    """List dead batches with their reasons."""
    from dcp_cli.dead import list_dead

    return list_dead(set_up(spec, redis, sink), output)


@dead.command("show")
@spec_argument
@click.argument("batch")
@server_options
@exits
def dead_show(spec: str, batch: str, redis: str | None, sink: str | None) -> int:
    """Write a dead batch's records, as they came, to stdout."""
    from dcp_cli.dead import show_dead

    return show_dead(set_up(spec, redis, sink), batch)


@dead.command("requeue")
@spec_argument
@click.argument("batches", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All dead batches.")
@server_options
@exits
def dead_requeue(spec: str, batches: tuple[str, ...], every: bool, redis: str | None, sink: str | None) -> int:
    """Give dead batches another life: their attempts start anew."""
    from dcp_cli.dead import requeue_dead

    return requeue_dead(set_up(spec, redis, sink), batches, every)


@dead.command("purge")
@spec_argument
@click.argument("batches", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All dead batches.")
@server_options
@exits
def dead_purge(spec: str, batches: tuple[str, ...], every: bool, redis: str | None, sink: str | None) -> int:
    """Drop the bytes of dead batches from the queue. In the ledger they stay dead, with their reason."""
    from dcp_cli.dead import purge_dead

    return purge_dead(set_up(spec, redis, sink), batches, every)


@main.group()
def rejects() -> None:
    """Records that were refused: list, export, or replay them once the rule is mended."""


def _filters(command: F) -> F:
    for option in (
        click.option("--code", help="Only this code, such as type-error."),
        click.option("--field", help="Only this field."),
        click.option("--source", help="Only this source."),
        click.option("--object", "object_id", metavar="ID", help="Only this object (`dcp status` shows the ids)."),
    ):
        command = option(command)
    return command


@rejects.command("ls")
@spec_argument
@_filters
@click.option("-n", "limit", type=click.IntRange(1), default=50, show_default=True, help="Rejects to show.")
@server_options
@json_option
@exits
def rejects_ls(
    spec: str,
    code: str | None,
    field: str | None,
    source: str | None,
    object_id: str | None,
    limit: int,
    redis: str | None,
    sink: str | None,
    output: str,
) -> int:
    """List rejects: where each stands in its source, the rule, the reason, its bytes."""
    from dcp_cli.rejects import list_rejects
    from dcp_pipeline.ledger.model import RejectFilter

    return list_rejects(set_up(spec, redis, sink), RejectFilter(source, object_id, code, field), limit, output)


@rejects.command("export")
@spec_argument
@_filters
@click.option("--format", "style", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True)
@server_options
@exits
def rejects_export(
    spec: str,
    code: str | None,
    field: str | None,
    source: str | None,
    object_id: str | None,
    style: str,
    redis: str | None,
    sink: str | None,
) -> int:
    """Write all rejects to stdout. In csv, cells that a spreadsheet would run as a formula get a ' before them."""
    from dcp_cli.rejects import export_rejects
    from dcp_pipeline.ledger.model import RejectFilter

    return export_rejects(set_up(spec, redis, sink), RejectFilter(source, object_id, code, field), style)


@rejects.command("replay")
@spec_argument
@_filters
@server_options
@json_option
@exits
def rejects_replay(
    spec: str,
    code: str | None,
    field: str | None,
    source: str | None,
    object_id: str | None,
    redis: str | None,
    sink: str | None,
    output: str,
) -> int:
    """Clean rejects again by the spec as it is now. Killed or repeated, each counts once."""
    from dcp_cli.rejects import replay_rejects
    from dcp_pipeline.ledger.model import RejectFilter

    return replay_rejects(set_up(spec, redis, sink), RejectFilter(source, object_id, code, field), output)


if __name__ == "__main__":
    main()
