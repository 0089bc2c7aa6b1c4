"""What many commands share: the spec, where the servers are, and how the answer is printed.

Every `--help` imports this file: what takes long is imported where it is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from dcp_cli.shown.say import REDACT

if TYPE_CHECKING:
    from dcp_pipeline.setup import Setup

_LOG_OPTIONS = "dcp.log-options"
F = TypeVar("F", bound=Callable[..., Any])

_SETTINGS = "dcp.settings"
_spec = click.argument("spec", type=click.Path(dir_okay=False))


def _keep_settings(context: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    context.meta[_SETTINGS] = value


set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    expose_value=False,
    callback=_keep_settings,
    help="A value of the spec, such as spec.worker.concurrency=4; as often as you like.",
)


def spec_argument(command: F) -> F:
    """SPEC, and --set."""
    return _spec(set_option(command))


def settings() -> tuple[str, ...]:
    """What --set said."""
    context = click.get_current_context(silent=True)
    return tuple(context.meta.get(_SETTINGS, ())) if context else ()


json_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How the answer is printed."
)


def server_options(command: F) -> F:
    """--redis and --sink."""
    command = click.option("--sink", metavar="URL", help="The sink's database, instead of the spec's.")(command)
    return click.option("--redis", metavar="URL", help="The queue's server, instead of the spec's.")(command)


def some_or_all(names: str, of_all: str, by: str) -> Callable[[F], F]:
    """Ids, or --all: one of the two. `of_all`: what --all is all of; `by`: by what they are named."""

    def with_both(command: F) -> F:
        @wraps(command)
        def checked(*arguments: Any, **options: Any) -> Any:
            if options["every"] == bool(options[names]):
                raise click.UsageError(f"name {by}, or --all")
            return command(*arguments, **options)

        option = click.option("--all", "every", is_flag=True, help=f"All {of_all}.")
        return cast(F, click.argument(names, nargs=-1)(option(checked)))

    return with_both


def profile_option(command: F) -> F:
    """--profile."""
    return click.option(
        "--profile", type=click.Choice(["low", "medium", "high"]), help="A load profile: workers and batch size."
    )(command)


def log_options(command: F) -> F:
    """--log-file and --log-errors: what LOG_FILE and LOG_ERRORS_FILE say, for one process."""

    def keep(variable: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
        def kept(context: click.Context, _: click.Parameter, value: str | None) -> None:
            if value:
                context.meta.setdefault(_LOG_OPTIONS, {})[variable] = value

        return kept

    for option, variable, said in (
        ("--log-errors", "LOG_ERRORS_FILE", "Errors too, in a file of their own."),
        ("--log-file", "LOG_FILE", "Logs into this file, which rotates, instead of stderr."),
    ):
        given = click.option(option, metavar="FILE", help=said, expose_value=False, callback=keep(variable))
        command = given(command)
    return command


def set_up(
    spec: str,
    redis: str | None = None,
    sink: str | None = None,
    profile: str | None = None,
    *,
    only_errors: bool = False,
) -> Setup:
    """Load the setup from the environment and start logging.

    Raises SpecInvalid or SettingInvalid.
    """
    from dcp_pipeline.observe.logs import set_up_logs
    from dcp_pipeline.setup import load_setup

    context = click.get_current_context(silent=True)
    environment = {**os.environ, **(context.meta.get(_LOG_OPTIONS, {}) if context else {})}
    setup = load_setup(spec, environment, redis=redis, sink=sink, profile=profile, settings=settings())
    if context:
        context.meta[REDACT] = setup.secrets.redact
    level = "error" if only_errors and not setup.log_files.path else setup.log_level
    set_up_logs(level, setup.log_format, setup.secrets.redact, setup.log_files)
    return setup


def duration_of(option: str, text: str) -> float:
    """An option's duration in seconds. Raises click.BadParameter where the text is none, or zero."""
    from dcp_pipeline.spec.units import Duration

    try:
        seconds = Duration(text).seconds
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"--{option}") from error
    if seconds <= 0:
        raise click.BadParameter("must be more than nothing", param_hint=f"--{option}")
    return seconds


def print_json(answer: object) -> None:
    """One JSON object on stdout."""
    click.echo(json_text(answer))


def json_text(answer: object) -> str:
    """As print_json has it."""
    from dcp_pipeline.observe.printable import printable_json

    return printable_json(json.dumps(answer, default=str))


def reject_filters(command: F) -> F:
    """Which rejects are meant."""
    for option in (
        click.option("--code", help="Only this code, such as type-error."),
        click.option("--field", help="Only this field."),
        click.option("--source", help="Only this source."),
        click.option("--object", "object_id", metavar="ID", help="Only this object (`dcp status` shows the ids)."),
        click.option("--replaced", is_flag=True, help="Also of versions of a file that a newer one has replaced."),
    ):
        command = option(command)
    return command
