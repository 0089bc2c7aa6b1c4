"""The dialects of SQL that a sink may speak: a package each, and one line each here. No other module asks which.

A package's __init__.py holds its FACTS, and its room.py the DIALECT, which is imported when a database of it is first
opened: a worker on MariaDB never loads what SQLite needs. The worker's own part is in dcp_worker.sink.dialects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from dcp_pipeline.database.facts import Facts

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from dcp_pipeline.database.dialect import Dialect

PACKAGES = (
    "dcp_pipeline.database.mysql",
    "dcp_pipeline.database.sqlite",
)


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


def name_of(bind: Engine | Connection) -> str:
    """The name of the dialect behind a connection: what rooms are found by."""
    return bind.engine.name


def dialect_of(bind: Engine | Connection) -> Dialect:
    """The room of a connection's dialect."""
    return room_called(name_of(bind))


@cache
def room_called(name: str) -> Dialect:
    """A room by the name in its facts."""
    package = next(each for each in PACKAGES if import_module(each).FACTS.name == name)
    return cast("Dialect", import_module(f"{package}.room").DIALECT)
