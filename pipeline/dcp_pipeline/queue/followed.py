"""Connections to a server that may be another one tomorrow: the master that Sentinels name, or the one of a Cluster
that has the queue's slot. Each connection asks anew where to go: whoever is sent away finds the right one next.

A pipeline's keys are in one slot, so one server of a Cluster has them all: the client of one server is enough. What
says that it is not the right one, or not now, is raised as a ConnectionError: calls are repeated, and then it counts as
away (docs/adr/0108).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import redis
from redis.connection import Connection, SSLConnection
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from dcp_pipeline.redis_url import Node

MOST_KNOWN = 64
_UNREADABLE = "what the server says cannot be read"
_NOT_NOW = ("UNBLOCKED", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")


class Guide(Protocol):
    """Says where to connect to, and what a new connection is asked: whether it is the right server."""

    @property
    def question(self) -> tuple[str, ...]:
        """A command."""

    def is_right(self, reply: Any) -> bool:
        """Whether that is what the right server answers."""

    def find(self) -> Node:
        """Raises redis.ConnectionError where nobody says."""

    def failed(self, node: Node) -> None:
        """No connection could be made to it."""

    def moved(self, node: Node) -> None:
        """The queue is there."""


class ByCluster:
    """Any node tells where the slot of a key is, by a MOVED. Thread-safe."""

    def __init__(self, nodes: Sequence[Node], key: str) -> None:
        self.question = ("EXISTS", key)
        self._lock = threading.Lock()
        self._nodes = list(nodes)
        self._told: Node | None = None

    def is_right(self, reply: Any) -> bool:
        """Another one does not answer."""
        return True

    def find(self) -> Node:
        with self._lock:
            return self._told or self._nodes[0]

    def failed(self, node: Node) -> None:
        """The others are asked first from now on."""
        with self._lock:
            if self._told == node:
                self._told = None
            if self._nodes[0] == node:
                self._nodes = [*self._nodes[1:], node]

    def moved(self, node: Node) -> None:
        """It is asked, too, should all that the spec names be gone."""
        with self._lock:
            self._told = node
            if node not in self._nodes and len(self._nodes) < MOST_KNOWN:
                self._nodes.append(node)


class BySentinels:
    """Sentinels are asked in turn, the one that answered last first. Thread-safe."""

    question = ("ROLE",)

    def __init__(self, master: str, sentinels: Mapping[Node, redis.Redis]) -> None:
        self._lock = threading.Lock()
        self._master = master
        self._sentinels = list(sentinels.items())

    def is_right(self, reply: Any) -> bool:
        """A Sentinel may not have heard yet of a failover."""
        return isinstance(reply, list) and reply[:1] == [b"master"]

    def find(self) -> Node:
        """Raises redis.ConnectionError where none knows; redis.AuthenticationError, which no waiting mends, where all
        refuse us."""
        with self._lock:
            sentinels = list(self._sentinels)
        told, refusals = [], 0
        for asked, client in sentinels:
            try:
                answer = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._master)  # type: ignore[no-untyped-call]
                if answer:
                    found = _node(*answer)
                    self._prefer(asked)
                    return found
                told.append(f"{asked}: knows no master {self._master!r}")
            except (redis.RedisError, ValueError, TypeError, AttributeError) as error:
                told.append(f"{asked}: {error}")
                refusals += isinstance(error, (redis.AuthenticationError, NoPermissionError))
        kind = redis.AuthenticationError if refusals == len(sentinels) else redis.ConnectionError
        raise kind(f"no Sentinel says which server is {self._master!r}: {'; '.join(told)}")

    def failed(self, node: Node) -> None:
        """They see it themselves."""

    def moved(self, node: Node) -> None:
        """A server of a Cluster: not what Sentinels are for."""

    def close(self) -> None:
        for _, client in self._sentinels:
            client.close()

    def _prefer(self, asked: Node) -> None:
        with self._lock:
            if self._sentinels[0][0] != asked:
                self._sentinels.sort(key=lambda each: each[0] != asked)


class _Followed:
    """Over Connection or SSLConnection."""

    host: str
    port: int

    def __init__(self, guide: Guide, **options: Any) -> None:
        self._guide = guide
        super().__init__(**options)

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """As redis-py's, by which every connection is made: to where the guide says now."""
        if self._sock:  # type: ignore[attr-defined]
            return
        node = self._guide.find()
        self.host, self.port = node.host, node.port
        try:
            super().connect_check_health(check_health, retry_socket_connect=False)  # type: ignore[misc]
            self._ask()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            if not isinstance(error, redis.AuthenticationError):
                self._guide.failed(node)
            raise

    def _ask(self) -> None:
        try:
            self.send_command(*self._guide.question, check_health=False)  # type: ignore[attr-defined]
            reply = super().read_response()  # type: ignore[misc]
        except AskError as error:
            if not isinstance(error, MovedError):
                return  # the slot is still here, and this key is not
            raise self._moved(error) from error
        except redis.RedisError:
            self.disconnect()  # type: ignore[attr-defined]
            raise
        except ValueError as error:
            raise self._elsewhere(f"{_UNREADABLE} ({error})") from error
        if not self._guide.is_right(reply):
            raise self._elsewhere(f"{self.host}:{self.port} is no master now")

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Raises redis.ConnectionError, too, for what another server is to be asked, or the same one later."""
        try:
            return super().read_response(*arguments, **options)  # type: ignore[misc]
        except MovedError as error:
            raise self._moved(error) from error
        except ValueError as error:  # a MOVED to nowhere, as redis-py reads it
            raise self._elsewhere(f"{_UNREADABLE} ({error})") from error
        except (AskError, TryAgainError) as error:
            raise redis.ConnectionError("the Cluster is moving the queue's slot to another server") from error
        except ReadOnlyError as error:
            raise self._elsewhere("the server is a replica now") from error
        except ClusterDownError as error:
            self._guide.failed(Node(self.host, self.port))
            raise self._elsewhere(f"the Cluster is down ({error})") from error
        except ResponseError as error:
            if not str(error).startswith(_NOT_NOW) and "READONLY" not in str(error):
                raise
            raise self._elsewhere(str(error)) from error

    def _moved(self, error: MovedError) -> redis.ConnectionError:
        try:
            node = _node((error.host or self.host).encode(), error.port)
        except ValueError as odd:
            return self._elsewhere(f"the Cluster sends us to what is no address: {odd}")
        self._guide.moved(node)
        return self._elsewhere(f"the queue is on another server of the Cluster: {node}")

    def _elsewhere(self, why: str) -> redis.ConnectionError:
        self.disconnect()  # type: ignore[attr-defined]
        return redis.ConnectionError(why)


def _node(host: bytes, port: bytes | int) -> Node:
    """Where an answer leads to. Raises ValueError; what is no pair of words is a TypeError or AttributeError."""
    found = Node(host.decode(), int(port))
    if not (found.host and 0 < found.port < 65536):
        raise ValueError(f"{str(found)[:80]!r} is no host and port")
    return found


class FollowedConnection(_Followed, Connection):
    """Without TLS."""


class FollowedSslConnection(_Followed, SSLConnection):
    """With TLS, by the name that was told."""
