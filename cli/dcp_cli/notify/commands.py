"""`dcp notify test` and `dcp notify look`."""

from __future__ import annotations

from contextlib import ExitStack

from dcp_cli.embedded import StateFolder
from dcp_cli.errors import CommandFailed
from dcp_cli.look import ledger_of
from dcp_cli.notify.notifier import Notifier
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_pipeline.observe.lookout import looked
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup


def _wanted(setup: Setup) -> None:
    if not setup.pipeline.spec.notify:
        raise CommandFailed("the spec tells nobody: say whom in spec.notify (docs/server.md)")


def send_test(setup: Setup, output: str) -> int:
    """Print what came of each; the exit code."""
    _wanted(setup)
    answers = Notifier(setup, "").trial()
    if output == "json":
        print_json({"sent": [{"to": name, "sent": why is None, "problem": why} for name, why in answers]})
    else:
        for name, why in answers:
            say(f"sent    {name}" if why is None else f"FAILED  {name}: {why}")
    return DONE if all(why is None for _, why in answers) else FAILED


def look_and_tell(setup: Setup, spec: str) -> int:
    """One look, and what is news of it told; 1 where it could not be told. Alone: a `dcp run` here tells by itself."""
    _wanted(setup)
    with StateFolder(setup.state_folder).alone(), ExitStack() as stack:
        seen = looked(lambda: ledger_of(setup, stack).sight(setup.pipeline.spec))
        problems = Notifier(setup, spec).round(seen, at_once=True)
    for each in problems:
        say(f"NOT TOLD  {each}")
    return FAILED if problems else DONE
