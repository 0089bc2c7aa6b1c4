"""From a spec file, flags and the environment to what a process runs with: the edge of every command.

Precedence: spec, then --profile, then environment variables, then flags.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from dcp_pipeline.files.places import beside, folder_of, state_base
from dcp_pipeline.observe.logs import STDERR, LogFiles, set_up_logs
from dcp_pipeline.secrets import SecretStore
from dcp_pipeline.settings import (
    Passwords,
    SettingInvalid,
    with_environment,
    with_profile,
    with_redis_url,
    with_sink_url,
)
from dcp_pipeline.spec.checking.checks import problems_of
from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem
from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.parse import load_composed
from dcp_pipeline.spec.units import Quantity

DEFAULT_QUEUE_TIMEOUT_SECONDS = 1.0
DEFAULT_GRACE_SECONDS = 25.0
"""Within Kubernetes' default of 30 s between SIGTERM and SIGKILL."""

MOST_SECONDS = 86_400.0
MOST_LOGS_KEPT = 1_000
LONGEST_WORKER_ID = 200


class Setup(msgspec.Struct, frozen=True):
    """Everything that a process is told at its start."""

    pipeline: Pipeline
    folder: Path
    """Of the spec file; relative paths in the spec are looked up here first."""
    secrets: SecretStore
    passwords: Passwords
    state_folder: Path
    """Of this pipeline: embedded server, spools, downloaded databases."""
    worker_id: str
    log_level: str
    log_format: str
    workers_enabled: bool
    queue_timeout_seconds: float
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    """How long a worker that is to stop may go on with the batches in its hands."""
    log_files: LogFiles = STDERR
    files: tuple[Path, ...] = ()
    """What the spec is made of: itself, and what it extends."""

    @property
    def sink_url(self) -> str:
        """The sink's URL; without one in the spec, SQLite beside it."""
        sink = self.pipeline.spec.sink
        return sink.sql.url if sink and sink.sql else beside(self.folder, f"sqlite:///{self.pipeline.metadata.name}.db")

    def located(self, path: str) -> Path:
        """A path of the spec: as it stands, or in the spec file's folder where there is such a file."""
        beside = self.folder / path
        return beside if not Path(path).is_absolute() and beside.exists() else Path(path)


def load_setup(
    spec: Path | str,
    environment: Mapping[str, str],
    *,
    redis: str | None = None,
    sink: str | None = None,
    profile: str | None = None,
    settings: Sequence[str] = (),
) -> Setup:
    """What to run with; `settings` are those of --set.

    Raises SpecInvalid or SettingInvalid, both naming what to mend.
    """
    folder = folder_of(Path(spec))
    if (folder / ".env").is_file():
        from dcp_pipeline.spec.composing.dotenv import with_dotenv

        environment = with_dotenv(folder, environment)
    composition = load_composed(spec, environment, settings)
    pipeline = composition.pipeline
    if pipeline.spec.sink and pipeline.spec.sink.sql:
        pipeline = with_sink_url(pipeline, beside(folder, pipeline.spec.sink.sql.url))
    if profile:
        pipeline = with_profile(pipeline, profile)
    pipeline, passwords = with_environment(pipeline, environment)
    pipeline = with_redis_url(pipeline, redis) if redis else pipeline
    pipeline = with_sink_url(pipeline, sink) if sink else pipeline
    problems = [_of_flag(each, redis, sink) for each in problems_of(pipeline)]
    if problems:
        raise SpecInvalid(problems, f"{spec} with the environment")
    secrets = SecretStore(environment)
    for text in (passwords.sink, passwords.redis, *composition.secret):
        secrets.remember(text or "")
    return Setup(
        pipeline=pipeline,
        folder=folder,
        secrets=secrets,
        passwords=passwords,
        state_folder=state_base(folder, environment) / pipeline.queue_name.replace(":", "_"),
        worker_id=_worker_id(environment) or f"{socket.gethostname()}-{os.getpid()}",
        log_level=environment.get("LOG_LEVEL") or "info",
        log_format=environment.get("LOG_FORMAT") or "",
        workers_enabled=_truth("INTERNAL_WORKER_ENABLED", environment, default=True),
        queue_timeout_seconds=_positive("WORKER_QUEUE_TIMEOUT", environment, DEFAULT_QUEUE_TIMEOUT_SECONDS),
        grace_seconds=_positive("WORKER_GRACE_SECONDS", environment, DEFAULT_GRACE_SECONDS),
        log_files=log_files_of(environment),
        files=composition.files,
    )


class Started(msgspec.Struct, frozen=True):
    """What a component's own `python -m` was told."""

    setup: Setup
    health_host: str
    health_port: int


def _of_flag(problem: SpecProblem, redis: str | None, sink: str | None) -> SpecProblem:
    """A problem of what a flag says, told of the flag."""
    for flag, given, path in (("--sink", sink, "spec.sink.sql.url"), ("--redis", redis, "spec.queue.redis.url")):
        if given and problem.path == path:
            no_url = "://" not in given and flag == "--sink"
            said = "is no URL: a file is sqlite:///PATH, a server mysql+pymysql://USER@HOST/DATABASE"
            return SpecProblem(flag, said if no_url else problem.message)
    return problem


def start_component(name: str, arguments: list[str]) -> Started | None:
    """The setup of `python -m NAME SPEC`, with logging on; None, having said why on stderr, where it cannot be."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(f"usage: python -m {name} SPEC   (settings: docs/settings.md)", file=sys.stderr)  # noqa: T201
        return None
    try:
        setup = load_setup(arguments[0], os.environ)
        set_up_logs(setup.log_level, setup.log_format, setup.secrets.redact, setup.log_files)
        port = int(_positive("HEALTH_PORT", os.environ, 8080, 65535))
    except (SpecInvalid, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201
        return None
    # In a pod the kubelet asks from outside.
    return Started(setup, os.environ.get("HEALTH_HOST") or "::", port)


def log_files_of(environment: Mapping[str, str]) -> LogFiles:
    """Where logs are to go. Raises SettingInvalid."""
    path, errors = environment.get("LOG_FILE"), environment.get("LOG_ERRORS_FILE")
    try:
        most = Quantity(environment.get("LOG_MAX_BYTES") or "50Mi").bytes
        keep = int(environment.get("LOG_KEEP") or 5)
        if not 0 <= keep <= MOST_LOGS_KEPT:
            raise ValueError(f"0 to {MOST_LOGS_KEPT} older files can be kept")
    except ValueError as error:
        raise SettingInvalid(f"LOG_MAX_BYTES or LOG_KEEP cannot be used: {error}") from error
    return LogFiles(Path(path) if path else None, Path(errors) if errors else None, most, keep)


def _worker_id(environment: Mapping[str, str]) -> str:
    text = environment.get("WORKER_ID", "")
    if not text.isprintable() or len(text) > LONGEST_WORKER_ID:
        raise SettingInvalid(
            f"WORKER_ID={text[:100]!a}: up to {LONGEST_WORKER_ID} characters that can be printed are wanted"
        )
    return text


def _truth(name: str, environment: Mapping[str, str], default: bool) -> bool:
    text = environment.get(name, "").strip().lower()
    if text in ("", "true", "1", "yes", "on"):
        return bool(text) or default
    if text in ("false", "0", "no", "off"):
        return False
    raise SettingInvalid(f"{name}={text!r} is neither true nor false")


def _positive(name: str, environment: Mapping[str, str], default: float, most: float = MOST_SECONDS) -> float:
    text = environment.get(name, "").strip()
    try:
        number = float(text) if text else default
    except ValueError as error:
        raise SettingInvalid(f"{name}={text[:100]!r} is no number of seconds") from error
    if not 0 < number <= most:  # so that no `nan` is one either
        raise SettingInvalid(f"{name}={text[:100]!r}: more than 0 are wanted, and at most {most:g}")
    return number
