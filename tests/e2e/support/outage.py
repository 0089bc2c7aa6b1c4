"""A Redis whose port is closed for everybody in the cluster, and which keeps what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from e2e.operator.kube import Kube


@contextmanager
def redis_closed(kube: Kube, client: redis.Redis) -> Iterator[None]:
    """Until the block ends connections to the Service `redis` are refused. The pod goes on: `client` reaches it past
    the Service."""
    closed = {"spec": {"selector": {"app": "nothing-listens-here"}}}
    kube.patch("Service", "redis", closed)
    try:
        _hang_up(client)
        yield
    finally:
        kube.patch("Service", "redis", {"spec": {"selector": {"app": "redis"}}})


def _hang_up(client: redis.Redis) -> None:
    """End the connections that are open: they would outlive their Service. Again while anybody still gets through."""
    for _ in range(50):
        own = client.client_id()
        others = [each for each in client.client_list() if int(each["id"]) != own]
        for each in others:
            client.client_kill_filter(_id=each["id"])
        if not others:
            return
    raise AssertionError("there is still a way through the closed Service")
