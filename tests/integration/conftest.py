"""Fresh databases, for the folders that ask for one: of every kind, of each server, or of one kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dcp_pipeline.ledger import Ledger
from support.databases import KINDS, PIPELINE, SERVERS, Database, fresh_database


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with fresh_database(request.param, tmp_path) as database:
        yield database


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[Database]:
    with fresh_database("mariadb", tmp_path) as database:
        yield database


@pytest.fixture(params=SERVERS)
def mysql_like(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with fresh_database(request.param, tmp_path) as database:
        yield database


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with fresh_database("sqlite", tmp_path) as database:
        yield database


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Of the pipeline that is tried, prepared."""
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    return ledger
