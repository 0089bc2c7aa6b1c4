"""A sink of rows with a name and a number, for whoever needs no other."""

from __future__ import annotations

import pytest

from dcp_pipeline.ledger import Ledger
from dcp_worker.sink import SinkWriter
from support.databases import Database
from support.sink_cases import NAMED, PIPELINE


@pytest.fixture
def sink(database: Database, ledger: Ledger) -> SinkWriter:
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(NAMED)
    return sink
