"""All examples of a spec, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dcp_cli.errors import CommandFailed
from dcp_cli.examples.model import load_examples
from dcp_cli.examples.play import Played, play
from dcp_cli.options import print_json
from dcp_cli.preview import plan_of
from dcp_cli.shown.say import say
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.enrich import Enrichers


def try_examples(setup: Setup, spec: str, output: str) -> int:
    """Play all; 1 where one does not hold, or where there is none."""
    played = list(_played(setup, spec))
    if not played:
        raise CommandFailed(
            f"{spec} has no examples: write some into {Path(spec).with_suffix('.examples.yaml')}, or as a document of "
            "`kind: Examples` into the spec's file (docs/server.md)"
        )
    failed = [each for each in played if each.wrong]
    if output == "json":
        print_json({"passed": not failed, "examples": [{"name": e.name, "wrong": list(e.wrong)} for e in played]})
    else:
        for each in played:
            say(f"{'FAILED' if each.wrong else 'ok'.ljust(6)}  {each.name}")
            for line in each.wrong:
                say(f"        {line}")
        say(f"{len(played)} examples, {len(failed)} failed")
    return FAILED if failed else DONE


def _played(setup: Setup, spec: str) -> Iterator[Played]:
    sources = {each.name: each for each in setup.pipeline.spec.sources}
    enrichers = Enrichers(setup.located, setup.state_folder / "geoip")
    plans: dict[str, CleaningPlan] = {}
    for number, (document, example) in enumerate(load_examples(Path(spec), setup.pipeline), 1):
        source = sources[example.source or document.source or next(iter(sources))]
        if source.name not in plans:
            plans[source.name] = plan_of(setup, source, enrichers)
        yield play(setup, source, plans[source.name], document, example, number)
