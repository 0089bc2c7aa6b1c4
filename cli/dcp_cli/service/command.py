"""`dcp service install|status|uninstall`: the unit's file, and systemctl for the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dcp_cli.errors import CommandFailed
from dcp_cli.service.unit import MARK, Service, problem_of, unit_text
from dcp_cli.shown.say import say
from dcp_cli.spec_files import none_in, spec_files
from dcp_pipeline.files.durable import write_durably
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.setup import load_setup
from dcp_pipeline.spec.errors import SpecInvalid

_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,199}")
_SYSTEM = Path("/etc/systemd/system")


def install(
    specs: Sequence[Path],
    user: bool,
    name: str,
    arguments: Sequence[str],
    credentials: Path | None,
    environment_file: Path | None,
    start: bool,
    show: bool,
) -> int:
    """Write the unit, and start it; the exit code. Raises SpecInvalid where no spec can be used, CommandFailed."""
    whole = tuple(each.resolve() for each in specs)
    _check(whole)
    service = Service(
        program=_program(),
        specs=whole,
        user=user,
        arguments=tuple(arguments),
        credentials=tuple(_credentials(credentials)) if credentials else (),
        environment_file=environment_file.resolve() if environment_file else None,
        writable=tuple(each if each.is_dir() else each.parent for each in whole),
    )
    if problem := problem_of(service):
        raise CommandFailed(problem)
    text = unit_text(service)
    if show:
        say(text.rstrip("\n"))
        return DONE
    path = unit_path(user, name)
    if path.exists() and not _is_ours(path):
        raise CommandFailed(f"{path} is not of `dcp service install`: take another --name")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, text)
    path.chmod(0o644)
    say(f"written: {path}")
    _systemctl(user, "daemon-reload")
    if start:
        _systemctl(user, "enable", f"{name}.service")
        _systemctl(user, "restart", f"{name}.service")
        say(f"{name}.service runs, and starts with the {'session' if user else 'machine'}")
        if user:
            say("to have it run while you are not logged in: loginctl enable-linger")
    return DONE


def uninstall(user: bool, name: str) -> int:
    """Stop it, and remove the unit. State, logs and data stay."""
    path = unit_path(user, name)
    if not path.exists():
        raise CommandFailed(f"there is no {path}: nothing to remove")
    if not _is_ours(path):
        raise CommandFailed(f"{path} is not of `dcp service install`, and stays")
    _systemctl(user, "disable", "--now", f"{name}.service")
    path.unlink()
    _systemctl(user, "daemon-reload")
    say(f"removed: {path}")
    return DONE


def status(user: bool, name: str) -> int:
    """What systemd says of it; its exit code (0 running, 3 not, 4 there is none)."""
    return subprocess.run(  # noqa: S603
        [*_manager(user), "status", "--no-pager", unit_path(user, name).name], check=False
    ).returncode


def unit_path(user: bool, name: str) -> Path:
    """Where the unit lies. Raises CommandFailed for a name that is none of a unit."""
    if not _NAME.fullmatch(name):
        raise CommandFailed(f"--name {name!a}: a unit's name is letters, digits and :_.@- only")
    if not user:
        return _SYSTEM / f"{name}.service"
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return config / "systemd" / "user" / f"{name}.service"


def _is_ours(unit: Path) -> bool:
    return unit.read_text(errors="replace").startswith(MARK)


def _check(specs: Sequence[Path]) -> None:
    """That there is one that can be used: a service that starts nothing helps nobody."""
    files = spec_files(specs)
    if not files:
        raise none_in(specs)
    problems = []
    for path in files:
        try:
            load_setup(path, os.environ)
        except SpecInvalid as error:
            problems.append(error)
            say(f"WARNING  {error}", err=True)
    if len(problems) == len(files):
        raise problems[0]


def _program() -> str:
    beside = Path(sys.executable).parent / "dcp"
    found = str(beside) if beside.is_file() else shutil.which("dcp")
    if found is None:
        raise CommandFailed("`dcp` is not found beside this Python, nor in PATH: install it with pip")
    return found


def _credentials(folder: Path) -> list[tuple[str, Path]]:
    """FOLDER/<secret name>/<key>, as DCP_SECRETS_DIR has them."""
    found = sorted(path for path in folder.resolve().glob("*/*") if path.is_file())
    if not found:
        raise CommandFailed(f"no secret in {folder}: a file is looked for at <secret name>/<key>")
    return [(f"{path.parent.name}.{path.name}", path) for path in found]


def _systemctl(user: bool, *words: str) -> None:
    done = subprocess.run([*_manager(user), *words], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        why = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise CommandFailed(f"systemctl {' '.join(words)}: {why}")


def _manager(user: bool) -> list[str]:
    program = shutil.which("systemctl")
    if program is None:
        raise CommandFailed("systemctl is not here: `dcp service` is for systemd; packaging/ has files for others")
    return [program, "--user"] if user else [program]
