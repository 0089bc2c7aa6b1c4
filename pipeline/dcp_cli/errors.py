"""The command line's exits: 0 done, 1 failed, 2 invalid spec or usage, 130 interrupted after a clean stop."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import click
import redis

from dcp_cli.embedded import AlreadyRunning
from dcp_pipeline.errors import Unusable
from dcp_pipeline.ledger.errors import LedgerError
from dcp_pipeline.queue import QueueError
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.spec.errors import SpecInvalid

DONE, FAILED, INVALID, INTERRUPTED = 0, 1, 2, 130
P = ParamSpec("P")


class CommandFailed(Exception):
    """The command did not do what it was asked; the message says why and what to do."""


def exits(command: Callable[P, int]) -> Callable[P, None]:
    """Turn a command's answer or error into an exit code, and an expected error into one clear message."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except (SpecInvalid, SettingInvalid) as error:
            _say(error)
            code = INVALID
        except (CommandFailed, Unusable, AlreadyRunning, LedgerError, QueueError) as error:
            _say(error)
            code = FAILED
        except redis.RedisError as error:
            _say(f"Redis cannot be used: {error}")
            code = FAILED
        except OSError as error:
            _say(error)
            code = FAILED
        except KeyboardInterrupt:
            code = INTERRUPTED
        sys.exit(code)

    return run


def _say(error: object) -> None:
    click.echo(f"dcp: {error}", err=True)
