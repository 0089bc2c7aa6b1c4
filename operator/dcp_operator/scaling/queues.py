"""Reads the queues of many pipelines: per Redis server one pipelined call, in a thread, with timeouts of its own.

A server that does not answer costs a thread until its timeout, and nothing else. It is asked again in every round, so
that its return is noticed within one.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dcp_operator.children.judge import SecretSeen, value_of
from dcp_operator.status.conditions.seen import QueueSeen
from dcp_pipeline.observe.look import Look, look_at
from dcp_pipeline.observe.scaling_note import ScalingNote, leave_notes
from dcp_pipeline.queue.leaving import ask_to_go
from dcp_pipeline.spec.model import Redis

SOCKET_TIMEOUT_SECONDS = 2.0
THREADS = 64
"""Started as they are needed. Each server that hangs, and does not refuse, keeps one busy."""
UNREADABLE = (redis.RedisError, OSError, ValueError)
"""What a server that cannot be asked raises: it is away, refuses us, or its address is none."""

Answer = TypeVar("Answer")


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
    """The URL with the Service `redis` of a pipeline's namespace written as `redis.NAMESPACE.svc`: a bare name means
    another Service, or none, where the operator runs."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or "." in host or ":" in host or host == "localhost":
        return url
    user, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host}.{namespace}.svc{port}"))


class QueueReader:
    """Keeps one client per server. To be closed. One call at a time for each server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clients: dict[Server, redis.Redis] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="redis")

    async def read(self, server: Server, queues: Sequence[str]) -> dict[str, QueueSeen]:
        """What is in each of these queues; an unreachable server is an answer too."""
        try:
            looks = await self._in_thread(look_at, self._client(server), queues)
        except UNREADABLE as error:
            return _unread(queues, f"{type(error).__name__}: {error}")
        return {queue: _seen(look) for queue, look in looks.items()}

    async def ask_to_go(self, server: Server, queue: str, processes: Sequence[str], count: int) -> Mapping[str, int]:
        """Ask `count` of a queue's worker processes to go: process -> batches that it still holds. UNREADABLE passes
        through."""
        return await self._in_thread(ask_to_go, self._client(server), queue, processes, count)

    async def leave_notes(self, server: Server, notes: Mapping[str, ScalingNote]) -> None:
        """Leave a note for `dcp status` beside each of these queues. UNREADABLE passes through."""
        await self._in_thread(leave_notes, self._client(server), notes)

    def keep(self, servers: set[Server]) -> None:
        """Forget all other servers."""
        for server in self._clients.keys() - servers:
            self._clients.pop(server).close()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    async def _in_thread(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    def _client(self, server: Server) -> redis.Redis:
        client = self._clients.get(server)
        if client is None:
            client = self._clients[server] = _client(server, self._folder)
        return client


def _seen(look: Look | redis.ResponseError) -> QueueSeen:
    if isinstance(look, Look):
        return QueueSeen(look.stats, None, look.reports, look.workers)
    return QueueSeen(None, f"{type(look).__name__}: {look}", {})


def _unread(queues: Sequence[str], error: str) -> dict[str, QueueSeen]:
    return {queue: QueueSeen(None, error, {}) for queue in queues}


def _client(server: Server, folder: Path) -> redis.Redis:
    """Not dcp_pipeline's connect(): that one waits and retries for as long as a batch is worth it."""
    options: dict[str, Any] = {"username": server.username, "password": server.password}
    url = server.url
    if server.tls:
        url = "rediss://" + url.partition("://")[2]
        options |= {"ssl_cert_reqs": "required" if server.verify else "none", "ssl_check_hostname": server.verify}
        options |= {"ssl_ca_data": server.ca} if server.ca else {}
        if server.cert:
            options |= {"ssl_certfile": _private(folder, server.cert)}
            options |= {"ssl_keyfile": _private(folder, server.key or server.cert)}
    return redis.Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        client_name="dcp-operator",
        **{key: value for key, value in options.items() if value is not None},
    )


def _private(folder: Path, text: str) -> str:
    """redis-py reads a client's certificate from files, at each connect."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="tls-", suffix=".pem", delete=False) as file:
        file.write(text)
    return file.name
