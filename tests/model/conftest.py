"""How long to look: `--histories N` histories for each test, 60 where nothing is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from support.redis_server import RunningServer, redis_server, valkey_server

SERVERS = {"redis": redis_server, "valkey": valkey_server}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=60, help="histories for each test")


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture(scope="session")
def histories(pytestconfig: pytest.Config) -> settings:
    """The settings of a run."""
    return settings(
        max_examples=pytestconfig.getoption("--histories"),
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        print_blob=True,
    )
