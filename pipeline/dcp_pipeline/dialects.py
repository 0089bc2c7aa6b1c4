"""The dialects of SQL that a sink may speak: a package each, and one line each here.

A package's __init__.py holds its FACTS, for the spec and whoever else has but a URL; its room.py is imported when a
database of it is opened (dcp_pipeline.database.rooms). The worker's own part is the package
of the same name in dcp_worker.sink.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import cast

import msgspec

PACKAGES = (
    "dcp_pipeline.database.mysql",
    "dcp_pipeline.database.sqlite",
)


class Facts(msgspec.Struct, frozen=True):
    """What is known of a dialect without its driver."""

    name: str
    """SQLAlchemy's."""
    schemes: str
    """A regular expression of its URLs' schemes."""
    example: str
    """A URL of it, for messages."""
    is_file: bool = False
    """It is a file of this machine: no server, no user, and no other machine reaches it."""

    def path_in(self, url: str) -> str | None:
        """The file that a URL of this kind names; None for servers."""
        return url.split("://", 1)[1].removeprefix("/").partition("?")[0] if self.is_file else None


def all_facts() -> Iterator[Facts]:
    """Of every dialect."""
    return (cast(Facts, import_module(package).FACTS) for package in PACKAGES)


def facts_of(url: str) -> Facts | None:
    """Of the dialect that a URL names; None where there is no such dialect."""
    scheme = url.partition("://")[0]
    return next((each for each in all_facts() if re.fullmatch(each.schemes, scheme)), None)


def is_file(url: str) -> bool:
    """Whether a URL names a file of this machine."""
    facts = facts_of(url)
    return facts is not None and facts.is_file
