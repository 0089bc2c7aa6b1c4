"""Which Redis server a pipeline's queue is on, as seen from the operator, and whether it may go there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dcp_operator.children.judge import Refusal, SecretSeen, value_of
from dcp_operator.scaling.reach import CLUSTER_DOMAIN, service_of
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


def server_of(target: Redis, namespace: str, secrets: Mapping[str, SecretSeen]) -> Server:
    """The server of a spec, with its secrets looked up, as seen from the operator's own namespace."""

    def text(value: Any) -> str | None:
        return value_of(value.secret_key_ref, secrets) if value is not None else None

    tls = target.tls if target.tls and target.tls.enabled else None
    return Server(
        url=seen_from_outside(target.url, namespace),
        username=target.username,
        password=text(target.password),
        tls=tls is not None,
        verify=not (tls and tls.insecure_skip_verify),
        ca=text(tls.ca) if tls else None,
        cert=text(tls.cert) if tls else None,
        key=text(tls.key) if tls else None,
    )


def seen_from_outside(url: str, namespace: str) -> str:
    """The URL with the Service `redis` of a pipeline's namespace, or `redis.NAMESPACE`, written as
    `redis.NAMESPACE.svc`: where the operator runs, the one is another Service or none, and the other might be a host of
    the world's. A URL that cannot be read, or leads elsewhere, stays as it is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return url
    if (service := service_of(host, namespace)) is None:
        return url
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{service}{port}"))


def not_allowed(url: str, namespace: str, allowed: Sequence[str], domain: str = CLUSTER_DOMAIN) -> Refusal | None:
    """A refusal where the operator may not go there: by a spec, anybody who may make a pipeline could send it, with
    the reach of its own pod, to any port of the cluster and of whatever is beyond."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return Refusal("InvalidSpec", "spec.queue.redis.url: leads to no server")
    if service_of(host, namespace, [domain]) is not None:
        return None
    if any(fnmatchcase(host.rstrip("."), each.lower().strip("[]").rstrip(".")) for each in allowed):
        return None
    return Refusal(
        "QueueHostNotAllowed",
        f"spec.queue.redis.url: {host[:253]} is no Service of namespace {namespace}, and the operator goes nowhere "
        "else but to the hosts of QUEUE_HOSTS (the chart's queueHosts): have it added there",
    )
