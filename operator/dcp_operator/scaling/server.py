"""Which Redis server a pipeline's queue is on, as seen from the operator, and whether it may go there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcp_operator.children.judge import Refusal, SecretSeen, value_of
from dcp_operator.scaling.reach import CLUSTER_DOMAIN, is_listed, service_of
from dcp_pipeline.redis_url import kind_of_url, redis_url, with_hosts
from dcp_pipeline.spec.model import Redis


@dataclass(frozen=True)
class Server:
    """How to reach a Redis server; equal ones share a connection. PEM texts and password are in no repr."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    verify: bool = True
    ca: str | None = field(default=None, repr=False)
    cert: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    namespace: str = ""
    """Whose Services and pods Sentinels or a Cluster may send us to; empty for one server, which sends nobody."""
    queue: str = ""
    """Of a Cluster: a queue is on one of its servers, and so has a connection of its own."""


def server_of(target: Redis, queue: str, namespace: str, secrets: Mapping[str, SecretSeen]) -> Server:
    """The server of a spec, with its secrets looked up, as seen from the operator's own namespace."""

    def text(value: Any) -> str | None:
        return value_of(value.secret_key_ref, secrets) if value is not None else None

    tls = target.tls if target.tls and target.tls.enabled else None
    kind, sentinel = kind_of_url(target.url), target.sentinel
    return Server(
        url=seen_from_outside(target.url, namespace),
        username=target.username,
        password=text(target.password),
        tls=tls is not None,
        verify=not (tls and tls.insecure_skip_verify),
        ca=text(tls.ca) if tls else None,
        cert=text(tls.cert) if tls else None,
        key=text(tls.key) if tls else None,
        sentinel_username=sentinel.username if sentinel else None,
        sentinel_password=text(sentinel.password) if sentinel else None,
        namespace=namespace if kind in ("sentinel", "cluster") else "",
        queue=queue if kind == "cluster" else "",
    )


def seen_from_outside(url: str, namespace: str) -> str:
    """The URL with the Service `redis` of a pipeline's namespace, or `redis.NAMESPACE`, written as
    `redis.NAMESPACE.svc`: where the operator runs, the one is another Service or none, and the other might be a host of
    the world's. A URL that cannot be read, or leads elsewhere, stays as it is."""
    try:
        return with_hosts(url, lambda host: service_of(host, namespace) or host)
    except ValueError:
        return url


def not_allowed(url: str, namespace: str, allowed: Sequence[str], domain: str = CLUSTER_DOMAIN) -> Refusal | None:
    """A refusal where the operator may not go there: by a spec, anybody who may make a pipeline could send it, with
    the reach of its own pod, to any port of the cluster and of whatever is beyond."""
    try:
        hosts = [node.host for node in redis_url(url).nodes]
    except ValueError:
        return Refusal("InvalidSpec", "spec.queue.redis.url: leads to no server")
    for host in hosts:
        if service_of(host, namespace, [domain]) is None and not is_listed(host, allowed):
            return Refusal(
                "QueueHostNotAllowed",
                f"spec.queue.redis.url: {host[:253]} is no Service of namespace {namespace}, and the operator goes "
                "nowhere else but to the hosts of QUEUE_HOSTS (the chart's queueHosts): have it added there",
            )
    return None
