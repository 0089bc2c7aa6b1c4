"""What `dcp simulate` does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dcp_cli.options import print_json, settings
from dcp_cli.shown.say import say
from dcp_cli.simulate.contest import contest, explained
from dcp_cli.simulate.report import as_json, curves, result_table, steps_table
from dcp_cli.simulate.trace import load_trace
from dcp_cli.simulate.world import Physics
from dcp_pipeline.files.places import folder_of
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.scaling.of_spec import bounds_of, policy_of
from dcp_pipeline.spec.composing.dotenv import with_dotenv
from dcp_pipeline.spec.parse import load_pipeline


@dataclass(frozen=True)
class SimulateOptions:
    """The command's options. Times in seconds; `sink_rate` in batches per second, None: no bound."""

    service_seconds: float
    startup_seconds: float
    target_seconds: float | None
    """None: half of the spec's drainWithin."""
    sink_rate: float | None
    draw: str | None
    explain: bool
    output: str


def simulate_load(spec: str, trace_name: str, options: SimulateOptions) -> int:
    """Play the load and print what came of it.

    Raises SpecInvalid; CommandFailed for a trace that cannot be read or a picture that cannot be drawn.
    """
    environment = with_dotenv(folder_of(Path(spec)), os.environ)
    pipeline, trace = load_pipeline(spec, environment, settings()), load_trace(trace_name)
    policy, bounds, rate = policy_of(pipeline), bounds_of(pipeline), options.sink_rate
    physics = Physics(
        service_seconds=options.service_seconds,
        concurrency=pipeline.spec.worker.concurrency,
        startup_seconds=options.startup_seconds,
        sink_rate=(lambda _: rate) if rate else None,
    )
    target = options.target_seconds or policy.drain_within_seconds / 2
    results = contest(trace, policy, bounds, physics, target)
    steps = explained(trace, policy, bounds, physics)
    if options.draw:
        from dcp_cli.simulate.draw import draw_curves

        draw_curves(results, target, Path(options.draw))
    if options.output == "json":
        print_json(as_json(results, steps, target))
        return DONE
    say(f"{trace.name}: {len(trace.arrivals)} batches of {options.service_seconds:g} s in {trace.end:.0f} s\n")
    say(result_table(results, target))
    say("\n" + curves(results))
    if options.explain:
        say("\n" + steps_table(steps))
    return DONE
