"""How the queue reaches its server: one client with timeouts, and what it says about the server's settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
import redis
from redis.backoff import FullJitterBackoff, NoBackoff
from redis.retry import Retry

from dcp_pipeline.queue.kinds import Client, KeyOfAnotherKind
from dcp_pipeline.queue.model import UnsupportedServer
from dcp_pipeline.queue.rights import check_rights
from dcp_pipeline.redis_url import RedisUrl, kind_of_url, redis_url

UNREACHABLE = (redis.ConnectionError, redis.TimeoutError)
"""What the queue's methods let through when Redis is away. redis.TimeoutError is no ConnectionError."""

SOCKET_TIMEOUT_SECONDS = 5.0
"""Silence of the server. With the retries, 20 s: a lease of 30 s is renewed after one hanging connection."""
CONNECT_TIMEOUT_SECONDS = 5.0
SENTINEL_TIMEOUT_SECONDS = 2.0
RETRIES = 3
_REFUSALS = (redis.AuthenticationError, redis.exceptions.NoPermissionError, redis.exceptions.ReadOnlyError)
OLDEST_SERVER = (6, 2)


class Login(msgspec.Struct, frozen=True):
    """A user and a password, which is asked for anew at each connection where it is called for."""

    username: str | None = None
    password: str | Callable[[], str] | None = None


def connect(
    url: str,
    username: str | None = None,
    password: str | Callable[[], str] | None = None,
    tls: Mapping[str, Any] | None = None,
    *,
    key: str = "",
    sentinels: Login | None = None,
) -> redis.Redis:
    """A client for redis://, rediss:// or unix:// that answers in bytes, or of the server that Sentinels name
    (redis+sentinel://), or of the one of a Cluster that has `key` (redis+cluster://), wherever that is by then; it is
    for keys of the same slot. It connects with its first command. `sentinels`: who the Sentinels take it for.

    A password that is called for is asked anew at each connection. `tls` holds redis-py's ssl_* arguments; given, even
    empty, TLS is used whatever the URL's scheme says. A call that fails to connect or gets no answer is repeated
    RETRIES times: all scripts bear that.
    Raises ValueError for a URL that is none; the message does not repeat it, for it may hold a password.
    """
    if kind_of_url(url) in ("sentinel", "cluster"):
        return _followed(redis_url(url), Login(username, password), tls, key, sentinels or Login())
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("redis", "rediss", "unix"):
        raise ValueError("a Redis URL begins with redis://, rediss:// or unix://; or with redis+sentinel:// and so on")
    if tls is not None and scheme == "unix":
        raise ValueError("TLS is not possible over a unix socket")
    options: dict[str, Any] = dict(tls or {})
    if callable(password):
        place, slash, path = rest.partition("/")
        user, _, place = place.rpartition("@")
        rest = f"{place}{slash}{path}"
        username = username or unquote(user.partition(":")[0]) or None
        options["credential_provider"] = _Asked(username, password)
    else:
        options |= {"username": username} if username is not None else {}
        options |= {"password": password} if password is not None else {}
    if scheme != "unix":
        options["socket_keepalive"] = True
        options["socket_connect_timeout"] = CONNECT_TIMEOUT_SECONDS
    return Client.from_url(
        f"{'rediss' if tls is not None else scheme}://{rest}",
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        health_check_interval=30,
        retry=Retry(FullJitterBackoff(cap=1.0, base=0.1), RETRIES),
        client_name="dcp",
        **options,
    )


def _followed(url: RedisUrl, login: Login, tls: Mapping[str, Any] | None, key: str, sentinels: Login) -> redis.Redis:
    from dcp_pipeline.queue.followed import (
        ByCluster,
        BySentinels,
        FollowedConnection,
        FollowedSslConnection,
        Guide,
    )

    with_tls = url.tls or tls is not None
    secured = dict(tls or {})
    if url.kind == "cluster":
        guide: Guide = ByCluster(url.nodes, key)
    else:
        asked: dict[str, Any] = {**secured, "ssl": with_tls} if with_tls else {}
        guide = BySentinels(
            url.master,
            {
                node: redis.Redis(
                    node.host,
                    node.port,
                    socket_timeout=SENTINEL_TIMEOUT_SECONDS,
                    socket_connect_timeout=SENTINEL_TIMEOUT_SECONDS,
                    retry=Retry(NoBackoff(), 0),
                    **asked,
                    **_login_options(sentinels),
                )
                for node in url.nodes
            },
        )
    pool = redis.ConnectionPool(
        connection_class=FollowedSslConnection if with_tls else FollowedConnection,
        guide=guide,
        db=url.database,
        socket_keepalive=True,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        health_check_interval=30,
        retry=Retry(FullJitterBackoff(cap=1.0, base=0.1), RETRIES),
        client_name="dcp",
        **secured,
        **_login_options(Login(login.username or url.user, login.password)),
    )
    return Client.from_pool(pool)


def _login_options(login: Login) -> dict[str, Any]:
    if callable(login.password):
        return {"credential_provider": _Asked(login.username, login.password)}
    return {"username": login.username, "password": login.password}


class _Asked(redis.CredentialProvider):
    """Whose password is asked for at each connection."""

    def __init__(self, username: str | None, password: Callable[[], str]) -> None:
        self.username, self._password = username, password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._password()
        return (self.username, password) if self.username else (password,)


def ping(client: redis.Redis) -> None:
    """Raises one of UNREACHABLE, or another redis.RedisError, where the server does not answer as it should."""
    client.ping()


def check_server(client: redis.Redis, queue: str | None = None) -> list[str]:
    """Warnings about the server's settings, for people. Raises UnsupportedServer below 6.2, and Forbidden where the
    ACL user lacks something for the queue."""
    if queue is not None:
        check_rights(client, queue)
    info: dict[str, Any] = client.info()
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_SERVER:
        raise UnsupportedServer(f"Redis {version} is too old: Redis or Valkey >= 6.2 is needed")
    warnings = []
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        warnings.append(
            f"maxmemory-policy is {policy}: above maxmemory the server would throw away work in motion, which is "
            "then read again from its source; set it to noeviction"
        )
    return warnings


def refuses(error: BaseException) -> bool:
    """Whether an error of redis' is one that no waiting mends: a password, a right, a replica, its own full disk."""
    return isinstance(error, (*_REFUSALS, KeyOfAnotherKind)) or (
        isinstance(error, redis.ResponseError) and str(error).startswith(("MISCONF", "WRONGPASS", "NOPERM"))
    )
