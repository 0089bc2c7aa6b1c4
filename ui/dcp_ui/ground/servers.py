"""Connections to the servers of many pipelines: one pool for each database and each Redis, however many use it.

A database that is a file is opened for each look and closed again: a thousand of them would be three thousand open
files.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from sqlalchemy import Engine

from dcp_pipeline.connect import open_engine, open_redis
from dcp_pipeline.dialects import facts_of
from dcp_pipeline.errors import Unusable
from dcp_pipeline.ledger.looking.view import LedgerView
from dcp_pipeline.redis_url import kind_of_url
from dcp_pipeline.setup import Setup

_POOL = 4


class NothingYet(Unusable):
    """The database is a file that is not there, or the queue one inside a run that does not go on."""


class Servers:
    """The open connections. Thread-safe."""

    def __init__(self) -> None:
        self._engines: dict[Hashable, Engine] = {}
        self._clients: dict[Hashable, redis.Redis] = {}
        self._lock = threading.Lock()

    @contextmanager
    def ledger(self, setup: Setup) -> Iterator[LedgerView]:
        """The pipeline's ledger; its tables are there. Raises NothingYet, LedgerVersion, SinkUnavailable."""
        facts = facts_of(setup.sink_url)
        path = facts.path_in(setup.sink_url) if facts else None
        if path is None:
            yield _checked(self._shared_engine(setup), setup)
            return
        if not Path(path).is_file():
            raise NothingYet(f"nothing has run into {path} yet; `dcp run` makes it")
        engine = open_engine(setup, pool_size=1)
        try:
            yield _checked(engine, setup)
        finally:
            engine.dispose()

    def redis(self, setup: Setup, embedded_url: str | None) -> redis.Redis:
        """A client of the pipeline's queue. Raises NothingYet where it has none at the moment."""
        target = setup.pipeline.spec.queue.redis
        if target is None and embedded_url is None:
            raise NothingYet("no `dcp run` of this pipeline goes on here, and spec.queue.redis names no server")
        key = embedded_url if target is None else (target, setup.passwords.redis, _slot(setup, target.url))
        with self._lock:
            if key not in self._clients:
                self._clients[key] = open_redis(setup, embedded_url)
            return self._clients[key]

    def close(self) -> None:
        """Close them all."""
        for engine in self._engines.values():
            engine.dispose()
        for client in self._clients.values():
            client.close()

    def _shared_engine(self, setup: Setup) -> Engine:
        sink = setup.pipeline.spec.sink
        sql = sink.sql if sink else None
        key = (setup.sink_url, sql.password if sql else None, sql.tls if sql else None, setup.passwords.sink)
        with self._lock:
            if key not in self._engines:
                self._engines[key] = open_engine(setup, pool_size=_POOL)
            return self._engines[key]


def _slot(setup: Setup, url: str) -> str:
    """What a client of a Cluster is for: the queue, which is on one of its servers."""
    return setup.pipeline.queue_name if kind_of_url(url) == "cluster" else ""


def _checked(engine: Engine, setup: Setup) -> LedgerView:
    view = LedgerView(engine, setup.pipeline.key)
    view.check()
    return view
