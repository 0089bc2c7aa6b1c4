"""The command line's exits: what a command's answer or error becomes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import click

from dcp_pipeline.errors import Unusable
from dcp_pipeline.exit_codes import FAILED, INTERRUPTED, INVALID, OVERLAPPING
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.spec.errors import SpecInvalid

P = ParamSpec("P")


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
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:
            expected = [_expected(each) for each in _causes(error)]
            answers = dict.fromkeys(answer for answer in expected if answer is not None)
            if None in expected:
                raise
            for _, message in answers:
                click.echo(f"dcp: {message}", err=True)
            code = max(number for number, _ in answers)
        sys.exit(code)

    return run


def _causes(error: Exception) -> list[Exception]:
    """The errors themselves: asyncio's task groups, in which the fetcher runs, wrap them."""
    if isinstance(error, ExceptionGroup):
        return [cause for each in error.exceptions for cause in _causes(each)]
    return [error]


def _expected(error: Exception) -> tuple[int, str] | None:
    """The exit code and message of an error that is no defect of this program; None where it is one.

    The imports are here because most commands need none of them, and they take longer than `dcp validate`.
    """
    import redis

    from dcp_pipeline.database.errors import LedgerError
    from dcp_pipeline.queue import QueueError

    if isinstance(error, (SpecInvalid, SettingInvalid)):
        return INVALID, str(error)
    if isinstance(error, redis.RedisError):
        return FAILED, f"Redis cannot be used: {error}"
    if isinstance(error, AlreadyRunning):
        return OVERLAPPING, str(error)
    if isinstance(error, (CommandFailed, Unusable, LedgerError, QueueError, OSError)):
        return FAILED, str(error)
    return None
