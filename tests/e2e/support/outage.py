"""A Redis whose port is closed for everybody in the cluster, and which keeps what it holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import redis

from e2e.operator.kube import Kube

POLL_SECONDS = 0.1


@contextmanager
def redis_closed(kube: Kube, client: redis.Redis) -> Iterator[None]:
    """Until the block ends connections to the Service `redis` are refused, and `client`, which reaches the pod past
    the Service, is used for nothing else. The pod goes on."""
    closed = {"spec": {"selector": {"app": "nothing-listens-here"}}}
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        kube.patch("Service", "redis", closed)
        hanging_up = pool.submit(_hang_up, client, over)
        try:
            yield
        finally:
            over.set()
            kube.patch("Service", "redis", {"spec": {"selector": {"app": "redis"}}})
        hanging_up.result()


def _hang_up(client: redis.Redis, over: threading.Event) -> None:
    """End every connection: they outlive their Service. Again and again, for whoever was quicker than the node's proxy,
    which on a busy machine learns seconds later that there is nothing behind the Service."""
    while not over.is_set():
        client.client_kill_filter(_type="normal", skipme=True)
        over.wait(POLL_SECONDS)
