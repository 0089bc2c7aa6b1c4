"""The rooms of the dialects that a worker can write to: one line each. Only the one that is used is imported.

Their other halves, and what each is called, are in dcp_pipeline.dialects.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from sqlalchemy import Connection, Engine

from dcp_pipeline.database.rooms import name_of
from dcp_worker.sink.dialect import SinkDialect

ROOMS = {
    "mysql": "dcp_worker.sink.mysql.room",
    "sqlite": "dcp_worker.sink.sqlite.room",
}


def sink_dialect_of(bind: Engine | Connection) -> SinkDialect:
    """The worker's room of a connection's dialect."""
    return cast(SinkDialect, import_module(ROOMS[name_of(bind)]).DIALECT)
