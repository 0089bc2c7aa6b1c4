"""`dcp validate`, `dcp expect`: is the spec right, is what it expects met? `dcp verify` is in verifying.py."""

from __future__ import annotations

import os
from contextlib import ExitStack

from msgspec.structs import replace

from dcp_cli.errors import CommandFailed
from dcp_cli.look import ledger_of
from dcp_cli.options import print_json, settings
from dcp_cli.shown.expectations import as_json
from dcp_cli.shown.say import say
from dcp_pipeline.process.exit_codes import DONE, FAILED, INVALID
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.setup import Setup, load_setup
from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem
from dcp_pipeline.spec.model import Cleaning, Format


def validate_spec(path: str, output: str) -> int:
    """Print every problem of a spec, or that there is none; the exit code."""
    try:
        setup = load_setup(path, os.environ, settings=settings())
        _compile(setup, path)
    except SpecInvalid as error:
        if output != "json":
            raise
        print_json({"valid": False, "problems": [{"path": e.path, "message": e.message} for e in error.problems]})
        return INVALID
    except SettingInvalid as error:
        if output != "json":
            raise
        print_json({"valid": False, "problems": [{"path": "the environment", "message": str(error)}]})
        return INVALID
    pipeline = setup.pipeline
    if output == "json":
        print_json({"valid": True, "problems": [], "pipeline": pipeline.key, "queue": pipeline.queue_name})
        return DONE
    spec = pipeline.spec
    sources = ", ".join(each.name for each in spec.sources)
    say(f"{path} is valid: pipeline {pipeline.key}")
    say(f"  sources  {sources}")
    say(f"  fields   {len(spec.cleaning.fields)}, unique by {', '.join(spec.cleaning.unique) or 'their place'}")
    say(f"  queue    {pipeline.queue_name}" + ("" if spec.queue.redis else " (embedded in `dcp run`)"))
    say(f"  sink     table {pipeline.table} in {setup.sink_url}")
    return DONE


def _compile(setup: Setup, path: str) -> None:
    """What only compiling shows: date formats, bounds, patterns. Raises SpecInvalid with all of it.

    Secrets and tables need not be at hand.
    """
    from dcp_worker.clean.outside import Pretended
    from dcp_worker.clean.plan import CleaningPlan
    from dcp_worker.ground.errors import PlanError

    cleaning, problems = setup.pipeline.spec.cleaning, []

    def compile_part(part: Cleaning, form: Format, first: str, place: str) -> None:
        try:
            CleaningPlan.compile(part, form, outside=Pretended())
        except PlanError as error:
            problems.append(SpecProblem(error.path.replace(first, place), error.message))

    alone = replace(cleaning, fields=(), enrich=(), filter=(), unique=())
    for n, source in enumerate(setup.pipeline.spec.sources):
        compile_part(alone, source.format, "sources[]", f"sources[{n}]")
    for n, field in enumerate(cleaning.fields):
        compile_part(replace(alone, fields=(field,)), Format(), "fields[0]", f"fields[{n}]")
    for n, each in enumerate(() if problems else cleaning.filter):
        compile_part(replace(cleaning, filter=(each,)), Format(), "filter[0]", f"filter[{n}]")
    if problems:
        raise SpecInvalid(problems, path)


def show_expectations(setup: Setup, output: str) -> int:
    """Print each verdict; 1 where one is not met."""
    if setup.pipeline.spec.expect is None:
        raise CommandFailed("the spec expects nothing: say what in spec.expect (docs/server.md)")
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        found = ledger.expectations(setup.pipeline.spec)
    met = all(each.met for each in found)
    if output == "json":
        print_json({"met": met, "expectations": as_json(found)})
    else:
        for each in found:
            say(f"{'met    ' if each.met else 'NOT MET'}  {each.about}: {each.reason}")
    return DONE if met else FAILED
