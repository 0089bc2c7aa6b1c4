"""`dcp simulate` on the command line; command.py does it."""

from __future__ import annotations

import click

from dcp_cli.errors import exits
from dcp_cli.options import duration_of, json_option, spec_argument


@click.command()
@spec_argument
@click.argument("trace")
@click.option("--service", default="1s", show_default=True, help="How long a batch takes a worker.")
@click.option("--startup", default="3s", show_default=True, help="From a pod that is wanted to one that works.")
@click.option("--target", help="How long a batch may wait; half of drainWithin by default.")
@click.option(
    "--sink-rate", type=click.FloatRange(min=0, min_open=True), help="Batches per second that the sink takes."
)
@click.option("-d", "--draw", metavar="FILE", help="Draw the curves: .svg or .png (needs matplotlib).")
@click.option("--explain", is_flag=True, help="Say why ours changed the number, each time.")
@json_option
@exits
def command(
    spec: str,
    trace: str,
    service: str,
    startup: str,
    target: str | None,
    sink_rate: float | None,
    draw: str | None,
    explain: bool,
    output: str,
) -> int:
    """Play a load through the spec's scaling, beside KEDA + HPA and Numaflow. Needs no server.

    TRACE is burst, daily, ramp, spike-train or on-off; a CSV file of time,arrivals (seconds, batches); or the JSON of
    Prometheus' query_range.

    \b
      dcp simulate pipeline.yaml burst --explain
      dcp simulate pipeline.yaml monday.csv --service 400ms -d monday.svg
    """
    from dcp_cli.simulate.command import SimulateOptions, simulate_load

    options = SimulateOptions(
        service_seconds=duration_of("service", service),
        startup_seconds=duration_of("startup", startup),
        target_seconds=duration_of("target", target) if target is not None else None,
        sink_rate=sink_rate,
        draw=draw,
        explain=explain,
        output=output,
    )
    return simulate_load(spec, trace, options)
