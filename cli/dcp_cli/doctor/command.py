"""All looks at once, and what they came to. One that cannot be made says so and hinders no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import redis
from sqlalchemy.exc import SQLAlchemyError

from dcp_cli.doctor.machine import machine
from dcp_cli.doctor.queue import queue
from dcp_cli.doctor.secrets import missing_secrets
from dcp_cli.doctor.sink import sink
from dcp_cli.doctor.sources import source
from dcp_cli.errors import CommandFailed
from dcp_cli.findings.finding import Finding, Look, State, wrong
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.errors import Unusable, in_words
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.queue import QueueError
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem

_MEANT = (CommandFailed, Unusable, LedgerError, QueueError, OSError, redis.RedisError, SQLAlchemyError)
"""What a look may raise: by itself it is told, it ends no other look."""
_SIDE_BY_SIDE = 8
_MARKS = {State.OK: "ok      ", State.WARNING: "WARNING ", State.WRONG: "WRONG   "}


def examine(setup: Setup, spec: str, output: str) -> int:
    """Print what was found; the exit code: 1 where something is wrong."""
    findings = found(setup)
    sick = [each for each in findings if each.state is State.WRONG]
    if output == "json":
        print_json({"healthy": not sick, "findings": [_as_json(each) for each in findings]})
    else:
        _show(findings, spec)
    return FAILED if sick else DONE


def ask_the_sink(setup: Setup, spec: str) -> None:
    """For `dcp validate --connect`: its table, its rights. Raises SpecInvalid with all that is wrong there."""
    found = [each for each in _looked("sink", partial(sink, setup)) if each.state is State.WRONG]
    if found:
        raise SpecInvalid([SpecProblem("spec.sink", f"{each.about}: {each.says}") for each in found], spec)


def found(setup: Setup) -> list[Finding]:
    """Everything that was looked at, in the order of a record's way."""
    looks: list[tuple[str, Look]] = [("secrets", partial(missing_secrets, setup))]
    looks += [(f"source.{each.name}", partial(source, setup, each)) for each in setup.pipeline.spec.sources]
    looks += [("queue", partial(queue, setup)), ("sink", partial(sink, setup)), ("machine", partial(machine, setup))]
    with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="doctor") as threads:
        return [each for found in threads.map(lambda look: _looked(*look), looks) for each in found]


def _looked(about: str, look: Look) -> list[Finding]:
    findings: list[Finding] = []
    try:
        findings.extend(look())
    except _MEANT as error:
        findings.append(wrong(about, in_words(error)))
    return findings


def _as_json(each: Finding) -> dict[str, str]:
    return {"about": each.about, "state": each.state.value, "says": each.says, "mend": each.mend}


def _show(findings: Sequence[Finding], spec: str) -> None:
    wide = max(len(each.about) for each in findings)
    for each in findings:
        say(f"{_MARKS[each.state]}{each.about.ljust(wide)}  {each.says}")
        for line in each.mend.splitlines():
            say(f"{' ' * (len(_MARKS[each.state]) + wide)}  -> {line}")
    say("\n" + ", ".join(_counted(findings)) + ("" if _any_wrong(findings) else f"; next: dcp run {spec} --once"))


def _counted(findings: Sequence[Finding]) -> Iterator[str]:
    for state, word in ((State.WRONG, "wrong"), (State.WARNING, "warnings"), (State.OK, "ok")):
        yield f"{sum(each.state is state for each in findings)} {word}"


def _any_wrong(findings: Sequence[Finding]) -> bool:
    return any(each.state is State.WRONG for each in findings)
