"""`dcp ps`, `dcp restart` and `dcp down`: from the supervisor's notes, and by what is left there for it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from dcp_cli.errors import CommandFailed
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_cli.shown.tables import show_table
from dcp_cli.up.notes import Asked, PipelineNote, ProcessNote, Status, UpFolder, folder_at
from dcp_pipeline.process.exit_codes import DONE, FAILED

_POLL_SECONDS = 0.1
_STYLES = {"running": "green", "waiting": "red", "broken": "red", "changing": "yellow"}


def show_processes(given: Path, output: str) -> int:
    """Print them; the exit code."""
    status = folder_at(given, os.environ).read()
    well = all(each.state == "running" and not each.trouble for each in status.pipelines)
    code = DONE if well else FAILED
    if output == "json":
        print_json({"healthy": well, **msgspec.to_builtins(status)})
        return code
    say(
        f"dcp up, process {status.pid}, since {_moment(status.since)} UTC" + (f", {status.page}" if status.page else "")
    )
    header = ["pipeline", "state", "process", "pid", "since (UTC)", "memory", "restarts"]
    show_table([row for each in status.pipelines for row in _rows(each)], header, _STYLES)
    for each in status.pipelines:
        if each.trouble:
            say(f"{each.name}: {each.trouble}")
    return code


def _rows(pipeline: PipelineNote) -> list[list[str]]:
    first = [pipeline.name, pipeline.state]
    last = [f"{pipeline.restarts:,}"]
    if not pipeline.processes:
        return [[*first, "", "", "", "", *last]]
    rows = [[each.role, str(each.pid), _moment(each.since), _memory(each)] for each in pipeline.processes]
    return [[*(["", ""] if n else first), *row, *([""] if n else last)] for n, row in enumerate(rows)]


def _memory(process: ProcessNote) -> str:
    """Its share of the memory: what several processes hold counts a part for each."""
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return ""
    return next((f"{int(line.split()[1]) / 1024:.0f} MiB" for line in lines if line.startswith("Pss:")), "")


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%m-%d %H:%M:%S}"


def restart(given: Path, name: str, timeout_seconds: float, upgrade: bool = False) -> int:
    """Ask for it, and wait until everything is replaced; 1 where it was not."""
    folder = folder_at(given, os.environ)
    status = folder.read()
    before = {each.spec: each for each in _named(status, name)}
    folder.ask(Asked(name, upgrade))
    if upgrade:
        _wait(lambda: _has_begun_anew(folder, status), timeout_seconds, "not upgraded yet: its log says why")
        before = {spec: replace(each, generation=0) for spec, each in before.items()}

    def replaced() -> bool:
        now = {each.spec: each for each in folder.read().pipelines if each.spec in before}
        return all(_is_done(now[spec], was) for spec, was in before.items() if spec in now)

    _wait(replaced, timeout_seconds, "not replaced yet: `dcp ps` says how far it is")
    now = [each for each in folder.read().pipelines if each.spec in before]
    troubles = [each for each in now if each.trouble and not _is_renewed(each, before[each.spec])]
    for each in troubles:
        say(f"{each.name}: {each.trouble}", err=True)
    return FAILED if troubles else DONE


def _has_begun_anew(folder: UpFolder, before: Status) -> bool:
    """The same process, another program."""
    try:
        now = folder.read()
    except CommandFailed:  # for a moment nobody holds the lock
        return False
    return now.since > before.since and bool(now.pipelines)


def _is_renewed(now: PipelineNote, before: PipelineNote) -> bool:
    return now.state == "running" and now.generation > before.generation


def _is_done(now: PipelineNote, before: PipelineNote) -> bool:
    """Replaced, or refused: with a trouble that is new."""
    return now.state == "broken" or _is_renewed(now, before) or (bool(now.trouble) and now.trouble != before.trouble)


def _named(status: Status, name: str) -> list[PipelineNote]:
    found = [each for each in status.pipelines if name in ("", each.name)]
    if not found:
        known = ", ".join(each.name for each in status.pipelines) or "none"
        raise CommandFailed(f"no pipeline is called {name!r} here; there are: {known}")
    return found


def down(given: Path, timeout_seconds: float) -> int:
    """End it, and wait until it is gone."""
    folder = folder_at(given, os.environ)
    pid = folder.state.holder()
    if pid is None:
        say("nothing runs here")
        return DONE
    os.kill(pid, signal.SIGTERM)
    _wait(lambda: folder.state.holder() is None, timeout_seconds, f"process {pid} is not gone yet")
    return DONE


def _wait(condition: Callable[[], bool], timeout_seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise CommandFailed(otherwise)
        time.sleep(_POLL_SECONDS)


def known_folder(given: Path) -> UpFolder:
    """For `dcp logs`, which needs no supervisor. Raises CommandFailed."""
    folder = folder_at(given, os.environ)
    if not folder.logs.is_dir():
        raise CommandFailed(f"no `dcp up` ever ran here: there is no {folder.logs}")
    return folder
