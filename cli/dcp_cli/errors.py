"""The command line's exits: what a command's answer or error becomes."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import ParamSpec

import click

from dcp_cli.shown.say import REDACT, say
from dcp_pipeline.errors import Unusable, in_words
from dcp_pipeline.process.exit_codes import FAILED, INTERRUPTED, INVALID, OVERLAPPING, PIPE_CLOSED

P = ParamSpec("P")
_DISTRIBUTION = "datacleaning-pipelines"


class CommandFailed(Exception):
    """The command did not do what it was asked; the message says why and what to do."""


class AlreadyRunning(Exception):
    """Another `dcp run` has this pipeline's state folder; the message names its process."""


def exits(command: Callable[P, int]) -> Callable[P, None]:
    """Turn a command's answer or error into an exit code, and an expected error into one clear message."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:
            told = _told(_causes(error))
            if told is None:
                raise
            code = told
        sys.exit(code)

    return run


def _told(causes: list[Exception]) -> int | None:
    """The exit code, once each cause is told; None where one is a defect of this program."""
    if any(isinstance(each, BrokenPipeError) for each in causes):
        return pipe_closed()
    expected = [_expected(each) for each in causes]
    if None in expected:
        return None
    answers = dict.fromkeys(answer for answer in expected if answer is not None)
    try:
        for _, message in answers:
            say(f"dcp: {_without_secrets(message)}", err=True)
    except BrokenPipeError:
        return pipe_closed()
    return max(number for number, _ in answers)


def _without_secrets(message: str) -> str:
    """A server's own words may repeat the password that it was given."""
    context = click.get_current_context(silent=True)
    redact: Callable[[str], str] | None = context.meta.get(REDACT) if context else None
    return redact(message) if redact else message


def pipe_closed() -> int:
    """The exit code of a process whose output nobody reads any more; from here on it says nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        # Python flushes both at the end, and would complain.
        os.dup2(nowhere, stream.fileno())
    return PIPE_CLOSED


def _causes(error: Exception) -> list[Exception]:
    """The errors themselves: asyncio's task groups, in which the fetcher runs, wrap them."""
    if isinstance(error, ExceptionGroup):
        return [cause for each in error.exceptions for cause in _causes(each)]
    return [error]


def _expected(error: Exception) -> tuple[int, str] | None:
    """The exit code and message of an error that is no defect of this program; None where it is one.

    The imports are here because most commands need none of them, and they take longer than `dcp validate`.
    """
    if isinstance(error, ModuleNotFoundError):
        return _missing(error)
    from dcp_pipeline.settings import SettingInvalid
    from dcp_pipeline.spec.errors import SpecInvalid

    if isinstance(error, (SpecInvalid, SettingInvalid)):
        return INVALID, str(error)
    if isinstance(error, AlreadyRunning):
        return OVERLAPPING, str(error)
    import redis

    from dcp_pipeline.database.errors import LedgerError
    from dcp_pipeline.queue import QueueError

    if isinstance(error, redis.RedisError):
        return FAILED, f"Redis cannot be used: {in_words(error)}"
    if isinstance(error, (CommandFailed, Unusable, LedgerError, QueueError, OSError)):
        return FAILED, in_words(error)
    return None


def _missing(error: ModuleNotFoundError) -> tuple[int, str] | None:
    """What to install, where the module is of one of the extras."""
    import importlib.metadata

    module = (error.name or "").partition(".")[0]
    found = re.compile(r"([\w.-]+)[^;]*; *extra *== *['\"](\w+)['\"]")
    wanted = [found.match(each) for each in importlib.metadata.requires(_DISTRIBUTION) or ()]
    extras = {each[2] for each in wanted if each and each[1].replace("-", "_") == module}
    if not extras:
        return None
    alone = [f"[{each}] is enough for `dcp {each}`" for each in ("fetcher", "worker", "ui") if each in extras]
    return FAILED, "; ".join(
        [f"{module} is not installed: pip install '{_DISTRIBUTION}[laptop]' has all that dcp needs", *alone]
    )
