"""spec.queue.redis.url, taken apart: one server, a socket, Sentinels that know one, or nodes of a Cluster. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from dcp_pipeline.texts import address_problem

Kind = Literal["server", "socket", "sentinel", "cluster"]

MOST_NODES = 32
_PORTS = {"server": 6379, "sentinel": 26379, "cluster": 6379}
_FORMS = {
    "sentinel": "redis+sentinel://HOST:26379,HOST:26379/MASTER/DB",
    "cluster": "redis+cluster://HOST:6379,HOST:6379",
}
_MASTER = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._]{0,127}")
_ANYWHERE = re.compile(r"^((?:redis|rediss)(?:\+\w+)?)://(?:([^/@]*)@)?([^/?#]*)(.*)$", re.DOTALL)


class Node(msgspec.Struct, frozen=True):
    """A host, without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class RedisUrl(msgspec.Struct, frozen=True):
    """Where to ask. `nodes` is empty for a socket; `master` is set for Sentinels alone."""

    kind: Kind
    tls: bool
    nodes: tuple[Node, ...]
    user: str | None = None
    database: int = 0
    master: str = ""


def kind_of_url(url: str) -> Kind:
    """By its scheme alone."""
    scheme = url.partition("://")[0]
    if scheme == "unix":
        return "socket"
    kind = scheme.partition("+")[2]
    return "sentinel" if kind == "sentinel" else "cluster" if kind == "cluster" else "server"


def redis_url(url: str) -> RedisUrl:
    """The parts of a URL. Raises ValueError, which says what is wrong with it and repeats no password."""
    kind = kind_of_url(url)
    if kind == "socket":
        return RedisUrl(kind, tls=False, nodes=())
    if kind == "server":
        return _server(url)
    found = _ANYWHERE.match(url)
    if found is None:
        raise ValueError(f"it is no {_FORMS[kind]}")
    scheme, user, hosts, rest = found.groups()
    if user and ":" in user:
        raise ValueError("it holds a password")
    if any(each in rest for each in "?#"):
        raise ValueError("it has options, and takes none")
    nodes = tuple(_node(each, kind) for each in hosts.split(","))
    if len(nodes) > MOST_NODES:
        raise ValueError(f"it names {len(nodes)} hosts, more than {MOST_NODES}")
    path = rest.strip("/").split("/") if rest.strip("/") else []
    master, database = _of_path(kind, path)
    return RedisUrl(kind, scheme.startswith("rediss"), nodes, unquote(user) if user else None, database, master)


def holds_password(url: str) -> bool:
    """Whether somebody wrote one where everybody reads it."""
    found = _ANYWHERE.match(url)
    return found is not None and bool((found[2] or "").partition(":")[2])


def shown(url: str) -> str:
    """The URL for people: without a password or options."""
    if kind_of_url(url) == "socket":
        return url
    found = _ANYWHERE.match(url)
    if found is None:
        return "a URL that is none"
    scheme, user, hosts, rest = found.groups()
    name = (user or "").partition(":")[0]
    return f"{scheme}://{name}{'@' if name else ''}{hosts}{rest.partition('?')[0]}"


def with_hosts(url: str, named: Callable[[str], str]) -> str:
    """The URL with each host as `named` has it. To be called with one that redis_url() takes."""
    found = _ANYWHERE.match(url)
    if found is None:
        return url
    hosts = []
    for each in found[3].split(","):
        parts = urlsplit(f"redis://{each}")
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
        hosts.append(each if (name := named(host)) == host else f"{name}{port}")
    user = f"{found[2]}@" if found[2] is not None else ""
    return f"{found[1]}://{user}{','.join(hosts)}{found[4]}"


def _server(url: str) -> RedisUrl:
    if (problem := address_problem(url)) is not None:
        raise ValueError(problem)
    parts = urlsplit(url)
    assert parts.hostname is not None
    database = _database(parts.path.strip("/") or "0")
    user = unquote(parts.username) if parts.username else None
    node = Node(parts.hostname, parts.port or _PORTS["server"])
    return RedisUrl("server", parts.scheme == "rediss", (node,), user, database)


def _node(text: str, kind: Kind) -> Node:
    if not text:
        raise ValueError(f"it names no host ({_FORMS[kind]})")
    problem = "it holds an @" if "@" in text else address_problem(f"redis://{text}")
    if problem is not None:
        raise ValueError(f"{text[:100]}: {problem}")
    parts = urlsplit(f"redis://{text}")
    assert parts.hostname is not None
    return Node(parts.hostname, parts.port or _PORTS[kind])


def _of_path(kind: Kind, path: list[str]) -> tuple[str, int]:
    if kind == "cluster":
        if path not in ([], ["0"]):
            raise ValueError("it names a database, and a Cluster has none but 0")
        return "", 0
    if not 1 <= len(path) <= 2 or not _MASTER.fullmatch(path[0]):
        raise ValueError(f"it does not say which master the Sentinels are asked for ({_FORMS[kind]})")
    return path[0], _database(path[1] if len(path) == 2 else "0")


def _database(text: str) -> int:
    if not text.isdecimal() or len(text) > 5:
        raise ValueError("its database is no number")
    return int(text)
