"""Finds the room of a dialect. Only the one that is used is imported: a worker on MariaDB never loads SQLite's."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from dcp_pipeline.dialects import PACKAGES

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from dcp_pipeline.database.dialect import Dialect


def name_of(bind: Engine | Connection) -> str:
    """The name of the dialect behind a connection: what rooms are found by."""
    return bind.engine.name


def dialect_of(bind: Engine | Connection) -> Dialect:
    """The room of a connection's dialect."""
    return room_called(name_of(bind))


@cache
def room_called(name: str) -> Dialect:
    """A room by the name in its facts."""
    return cast("Dialect", import_module(f"{package_called(name)}.room").DIALECT)


def package_called(name: str) -> str:
    """A room's package by the name in its facts."""
    return next(each for each in PACKAGES if import_module(each).FACTS.name == name)
