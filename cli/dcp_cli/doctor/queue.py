"""The queue's server: its version, what it does when it is full, its clock; or the one inside `dcp run`."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from dcp_cli.embedded.valkey import server_binary
from dcp_cli.findings.finding import Findings, ok, warning, wrong
from dcp_cli.findings.limits import memory_for_queue, skew
from dcp_pipeline.connect import open_redis
from dcp_pipeline.errors import in_words
from dcp_pipeline.queue.connection import check_server, refuses
from dcp_pipeline.queue.rights import Forbidden, check_rights, rule
from dcp_pipeline.redis_url import Node, kind_of_url, redis_url, shown
from dcp_pipeline.setup import Setup

if TYPE_CHECKING:
    import redis

PATIENCE_SECONDS = 3.0


def queue(setup: Setup) -> Findings:
    """Findings; where the server cannot be reached, only that."""
    target = setup.pipeline.spec.queue.redis
    if target is None:
        yield from _embedded()
        return
    import redis

    where = shown(target.url)
    yield from _silent(target.url)
    with closing(open_redis(setup)) as client:
        try:
            begun = time.time()
            seconds, micro = client.time()
            ended = time.time()
            info: dict[str, Any] = client.info()
            warnings = check_server(client)
            who = _followed_to(client) if kind_of_url(target.url) in ("sentinel", "cluster") else ""
            check_rights(client, setup.pipeline.queue_name)
        except Forbidden as error:
            rights = rule(error.user, setup.pipeline.queue_name)
            yield wrong("queue.rights", f"{where}: {in_words(error)}", rights)
            return
        except redis.RedisError as error:
            mend = "user, password or rights of the queue's user" if refuses(error) else "spec.queue.redis.url"
            yield wrong("queue.connection", f"{where}: {in_words(error)}", f"mend {mend}, or the server")
            return
    name = "Valkey" if "valkey_version" in info else "Redis"
    yield ok("queue.connection", f"{where}: {name} {info.get('valkey_version', info.get('redis_version'))}{who}")
    if kind_of_url(target.url) == "server" and int(info.get("cluster_enabled", 0)):
        yield wrong("queue.cluster", f"{where} is a server of a Cluster, on which a queue may be elsewhere",
                    "spec.queue.redis.url: redis+cluster://HOST:PORT,HOST:PORT")  # fmt: skip
    for each in warnings:
        yield warning("queue.memory", each, "CONFIG SET maxmemory-policy noeviction, and in the server's configuration")
    yield from memory_for_queue(int(info.get("maxmemory", 0)), setup.pipeline.spec.queue.max_bytes.bytes)
    yield skew("queue.clock", seconds + micro / 1e6, begun, ended)


def _silent(url: str) -> Findings:
    """Of several hosts, those that take no connection: one that answers is enough, until it is the one that goes."""
    try:
        nodes = redis_url(url).nodes
    except ValueError:
        return
    for node in nodes if len(nodes) > 1 else ():
        try:
            socket.create_connection((node.host, node.port), PATIENCE_SECONDS).close()
        except OSError as error:
            yield warning("queue.hosts", f"{node}: {in_words(error)}", "bring it back, or take it out of the URL")


def _followed_to(client: redis.Redis) -> str:
    """Which server it is now."""
    connection = client.connection_pool.get_connection()
    try:
        return f" on {Node(connection.host, connection.port)}"
    finally:
        client.connection_pool.release(connection)


def _embedded() -> Findings:
    try:
        server_binary()
    except OSError as error:
        yield wrong("queue.connection", str(error), "pip install 'datacleaning-pipelines[laptop]'")
        return
    yield ok("queue.connection", "embedded: `dcp run` brings its own server")
