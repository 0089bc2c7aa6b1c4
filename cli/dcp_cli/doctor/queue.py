"""The queue's server: its version, what it does when it is full, its clock; or the one inside `dcp run`."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from dcp_cli.embedded.valkey import server_binary
from dcp_cli.findings.finding import Findings, ok, warning, wrong
from dcp_cli.findings.limits import memory_for_queue, skew
from dcp_pipeline.connect import open_redis
from dcp_pipeline.errors import in_words
from dcp_pipeline.queue.connection import check_server, refuses
from dcp_pipeline.redis_url import shown
from dcp_pipeline.setup import Setup


def queue(setup: Setup) -> Findings:
    """Findings; where the server cannot be reached, only that."""
    target = setup.pipeline.spec.queue.redis
    if target is None:
        yield from _embedded()
        return
    import redis

    where = shown(target.url)
    with closing(open_redis(setup)) as client:
        try:
            begun = time.time()
            seconds, micro = client.time()
            ended = time.time()
            info: dict[str, Any] = client.info()
            warnings = check_server(client)
        except redis.RedisError as error:
            mend = "user, password or rights of the queue's user" if refuses(error) else "spec.queue.redis.url"
            yield wrong("queue.connection", f"{where}: {in_words(error)}", f"mend {mend}, or the server")
            return
    name = "Valkey" if "valkey_version" in info else "Redis"
    yield ok("queue.connection", f"{where}: {name} {info.get('valkey_version', info.get('redis_version'))}")
    for each in warnings:
        yield warning("queue.memory", each, "CONFIG SET maxmemory-policy noeviction, and in the server's configuration")
    yield from memory_for_queue(int(info.get("maxmemory", 0)), setup.pipeline.spec.queue.max_bytes.bytes)
    yield skew("queue.clock", seconds + micro / 1e6, begun, ended)


def _embedded() -> Findings:
    try:
        server_binary()
    except OSError as error:
        yield wrong("queue.connection", str(error), "pip install 'datacleaning-pipelines[laptop]'")
        return
    yield ok("queue.connection", "embedded: `dcp run` brings its own server")
