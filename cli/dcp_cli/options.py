"""What many commands share: the spec, where the servers are, and how the answer is printed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.observe.printable import printable_json
from dcp_pipeline.setup import Setup, load_setup
from dcp_pipeline.spec.units import Duration

F = TypeVar("F", bound=Callable[..., Any])

spec_argument = click.argument("spec", type=click.Path(dir_okay=False))
json_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How the answer is printed."
)


def server_options(command: F) -> F:
    """--redis and --sink."""
    command = click.option("--sink", metavar="URL", help="The sink's database, instead of the spec's.")(command)
    return click.option("--redis", metavar="URL", help="The queue's server, instead of the spec's.")(command)


def profile_option(command: F) -> F:
    """--profile."""
    return click.option(
        "--profile", type=click.Choice(["low", "medium", "high"]), help="A load profile: workers and batch size."
    )(command)


def set_up(spec: str, redis: str | None = None, sink: str | None = None, profile: str | None = None) -> Setup:
    """Load the setup from the environment and start logging.

    Raises SpecInvalid or SettingInvalid.
    """
    setup = load_setup(spec, os.environ, redis=redis, sink=sink, profile=profile)
    set_up_logs(setup.log_level, setup.log_format, setup.secrets.redact)
    return setup


def duration_of(option: str, text: str) -> float:
    """An option's duration in seconds. Raises click.BadParameter where the text is none, or zero."""
    try:
        seconds = Duration(text).seconds
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"--{option}") from error
    if seconds <= 0:
        raise click.BadParameter("must be more than nothing", param_hint=f"--{option}")
    return seconds


def print_json(answer: object) -> None:
    """One JSON object on stdout."""
    click.echo(printable_json(json.dumps(answer, default=str)))
