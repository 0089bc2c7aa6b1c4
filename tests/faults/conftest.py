"""A small API server that misbehaves as told, and one Redis for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from support.kube_api.server import ApiServer, serving
from support.redis_server import RunningServer, redis_server


@pytest.fixture(scope="session")
def redis_running() -> Iterator[RunningServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def redis(redis_running: RunningServer) -> str:
    """Its URL."""
    return redis_running.url


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with serving() as server:
        yield server
