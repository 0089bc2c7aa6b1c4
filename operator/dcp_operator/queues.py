"""Reads the queues of many pipelines: per Redis server one pipelined call, in a thread, with timeouts.

A server that does not answer delays nobody else, and is asked less and less often until it answers again.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dcp_operator.conditions import QueueSeen
from dcp_operator.judge import SecretSeen, value_of
from dcp_pipeline.observe.report import read_reports
from dcp_pipeline.queue.view import read_stats
from dcp_pipeline.spec.model import Redis

SOCKET_TIMEOUT_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
THREADS = 8


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


@dataclass
class _Line:
    """One server's client and how it fared. Times are monotonic seconds."""

    client: redis.Redis
    busy: bool = False
    failures: int = 0
    not_before: float = 0.0
    error: str = "not answered yet"


class QueueReader:
    """Keeps one client per server. To be closed."""

    def __init__(self, folder: Path, monotonic: Callable[[], float]) -> None:
        self._folder, self._monotonic = folder, monotonic
        self._lines: dict[Server, _Line] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="redis")

    async def read(self, server: Server, queues: Sequence[str]) -> dict[str, QueueSeen]:
        """What is in each of these queues; an unreachable server is an answer too."""
        try:
            line = self._line(server)
        except (ValueError, OSError, redis.RedisError) as error:
            return _unread(queues, f"{type(error).__name__}: {error}")
        now = self._monotonic()
        if line.busy or now < line.not_before:
            return _unread(queues, line.error)
        line.busy = True
        try:
            seen = await asyncio.get_running_loop().run_in_executor(self._threads, _read, line.client, queues)
        except (redis.RedisError, OSError, ValueError) as error:
            line.failures += 1
            pause = min(2.0**line.failures, LONGEST_PAUSE_SECONDS)
            line.not_before = self._monotonic() + pause
            line.error = f"{type(error).__name__}: {error}"
            return _unread(queues, line.error)
        finally:
            line.busy = False
        line.failures = 0
        return seen

    def keep(self, servers: set[Server]) -> None:
        """Forget all other servers."""
        for server in [each for each in self._lines if each not in servers and not self._lines[each].busy]:
            self._lines.pop(server).client.close()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for line in self._lines.values():
            line.client.close()

    def _line(self, server: Server) -> _Line:
        line = self._lines.get(server)
        if line is None:
            line = self._lines[server] = _Line(_client(server, self._folder))
        return line


def _read(client: redis.Redis, queues: Sequence[str]) -> dict[str, QueueSeen]:
    stats, reports = read_stats(client, queues), read_reports(client, queues)
    return {queue: QueueSeen(stats[queue], None, reports[queue]) for queue in queues}


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
        retry=Retry(NoBackoff(), 1),
        client_name="dcp-operator",
        **{key: value for key, value in options.items() if value is not None},
    )


def _private(folder: Path, text: str) -> str:
    """redis-py reads a client's certificate from files, at each connect."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="tls-", suffix=".pem", delete=False) as file:
        file.write(text)
    return file.name
