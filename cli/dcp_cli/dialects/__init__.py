"""What the command line asks each dialect in its own way: a file each, called as in dcp_pipeline.dialects, and imported
when a database of it is looked at. A dialect without a file here has no questions of its own, and no backup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.types import TypeEngine

from dcp_cli.findings.finding import Findings
from dcp_pipeline.database.rooms import name_of, package_called
from dcp_pipeline.setup import Setup

DatabaseLook = Callable[[Setup, Connection], Findings]


def _as_it_is(column: str, _: TypeEngine[Any]) -> str:
    return column


class Asked(msgspec.Struct, frozen=True):
    """A dialect's answers."""

    looks: Mapping[str, DatabaseLook] = {}
    """The doctor's, by what they are about."""
    table_ddl: Callable[[Connection, str], tuple[str, ...]] | None = None
    """The statements that make a table as it stands, ready for the driver; None: they cannot be had."""
    exact: Callable[[str, TypeEngine[Any]], str] = _as_it_is
    """How a column of this type is asked for so that no digit is lost."""


def asked(bind: Engine | Connection) -> Asked:
    """Of the dialect behind a connection."""
    name = f"dcp_cli.dialects.{package_called(name_of(bind)).rpartition('.')[2]}"
    return cast(Asked, import_module(name).ASKED) if find_spec(name) else Asked()
