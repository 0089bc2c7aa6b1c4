"""What the doctor says of one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    WARNING = "warning"
    """Work goes on, and is less safe or slower than it could be."""
    WRONG = "wrong"
    """The pipeline cannot do its work, or not all of it."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    about: str
    """Such as `sink.rights`."""
    state: State
    says: str
    mend: str = ""
    """What to do; a command or a statement where there is one."""


Findings = Iterator[Finding]
Look = Callable[[], Findings]


def ok(about: str, says: str) -> Finding:
    return Finding(about, State.OK, says)


def warning(about: str, says: str, mend: str = "") -> Finding:
    return Finding(about, State.WARNING, says, mend)


def wrong(about: str, says: str, mend: str = "") -> Finding:
    return Finding(about, State.WRONG, says, mend)
