"""The rooms of the dialects that a worker can write to: beside this file, called as in dcp_pipeline.dialects, which
lists them and has their other halves. Only the one that is used is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from sqlalchemy import Connection, Engine

from dcp_pipeline.database.rooms import name_of, package_called
from dcp_worker.sink.dialect import SinkDialect


def room_of(package: str) -> str:
    """The worker's half of a package of dcp_pipeline.dialects."""
    return f"dcp_worker.sink.{package.rpartition('.')[2]}"


def sink_dialect_of(bind: Engine | Connection) -> SinkDialect:
    """The worker's room of a connection's dialect."""
    return cast(SinkDialect, import_module(f"{room_of(package_called(name_of(bind)))}.room").DIALECT)
