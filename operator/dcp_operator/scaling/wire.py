"""A connection to a server that a tenant names: what comes back is not trusted (resp.py).

One connection for each server, used by one call at a time, under one limit of time and one of bytes. Of the URL count
hosts, ports, database and user: no option in it lifts a limit. Where Sentinels or a Cluster send us elsewhere, whoever
resolves hosts says whether the operator goes there; a password is sent only then (docs/adr/0109).
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence

from dcp_operator.scaling.resp import (
    CHUNK,
    Command,
    Moved,
    Refused,
    Reply,
    Said,
    Unreadable,
    node_of,
    packed,
    replies_of,
)
from dcp_operator.scaling.server import Server
from dcp_pipeline.redis_url import Node, RedisUrl, kind_of_url, redis_url

SECONDS = 2.0
"""For a whole call: asking where, connecting, logging in and every reply."""
MOST_HOPS = 2
ASKED_AGAIN_SECONDS = 10.0
"""Sentinels, so that a primary which is cut off and does not know it is not listened to for longer."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Resolve = Callable[[Server, Node, bool], Awaitable[Sequence[str]]]
"""A node's addresses; the last argument says that a server named it, and not the spec. Raises Unreadable."""


class Wire:
    """To be closed. Every call raises Unreadable and nothing else."""

    def __init__(self, server: Server, resolve: Resolve, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server, self._resolve, self._monotonic = server, resolve, monotonic
        self._turn = asyncio.Lock()
        self._streams: Streams | None = None
        self._connected_at = 0.0
        self._turns = 0
        self._told: Node | None = None

    async def call(self, commands: Sequence[Command], most_bytes: int) -> list[Reply]:
        """Send them all, and read one reply for each."""
        return [each.reply for each in await self.again(packed(commands), [None] * len(commands), most_bytes)]

    async def again(self, commands: bytes, known: Sequence[Said | None], most_bytes: int) -> list[Said]:
        """Send packed() commands, and read one reply for each of `known`: what each said the last time it was asked.
        The very same object where it says the same."""
        async with self._turn:
            try:
                async with asyncio.timeout(SECONDS):
                    return await self._again(commands, known, most_bytes)
            except TimeoutError:
                self._failed()
                raise Unreadable(f"no answer within {SECONDS:.0f} s") from None
            except ssl.SSLError as error:
                self._failed()
                raise Unreadable(f"TLS: {error.reason or 'failed'}") from None
            except (OSError, UnicodeError) as error:
                self._failed()
                raise Unreadable(_why(error)) from None
            except (Unreadable, asyncio.CancelledError):
                self._failed()
                raise

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def _failed(self) -> None:
        """The next call asks another of the spec's hosts."""
        self.close()
        self._told, self._turns = None, self._turns + 1

    async def _again(self, commands: bytes, known: Sequence[Said | None], most_bytes: int) -> list[Said]:
        kind = kind_of_url(self._server.url)
        if kind == "sentinel" and self._monotonic() - self._connected_at > ASKED_AGAIN_SECONDS:
            self.close()
        for _ in range(MOST_HOPS + 1):
            if self._streams is None:
                await self._connect(_url_of(self._server))
            assert self._streams is not None
            said = await _exchange(self._streams, commands, known, most_bytes)
            moved = next((each.reply for each in said if isinstance(each.reply, Moved)), None)
            if moved is None or kind != "cluster":
                return said
            self.close()
            if moved.to is None:
                raise Unreadable("the Cluster sends us to what is no address")
            self._told = moved.to
        raise Unreadable("the servers of the Cluster send us from one to the other")

    async def _connect(self, url: RedisUrl) -> None:
        node = await self._where(url)
        self._streams = await self._open(url, node)
        server = self._server
        words = _login(server.username or url.user, server.password)
        if url.database:
            words.append(["SELECT", url.database])
        words.append(["CLIENT", "SETNAME", "dcp-operator"])
        if url.kind == "sentinel":
            words.append(["ROLE"])
        replies = await _answers(self._streams, words)
        for command, reply in zip(words, replies, strict=True):
            if isinstance(reply, Refused) and command[0] != "CLIENT":
                raise Unreadable(str(reply))
        if url.kind == "sentinel" and not (isinstance(replies[-1], list) and replies[-1][:1] == [b"master"]):
            raise Unreadable("the server that the Sentinels name is no master now")
        self._connected_at = self._monotonic()

    async def _where(self, url: RedisUrl) -> Node:
        one = url.nodes[self._turns % len(url.nodes)]
        if url.kind == "cluster":
            return self._told or one
        if url.kind == "server":
            return one
        streams = await self._open(url, one)
        try:
            words = _login(self._server.sentinel_username, self._server.sentinel_password)
            words.append(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", url.master])
            *logins, reply = await _answers(streams, words)
        finally:
            streams[1].close()
        for each in (*logins, reply):
            if isinstance(each, Refused):
                raise Unreadable(f"a Sentinel does not say which server is the master ({each.word})")
        if reply is None:
            raise Unreadable("a Sentinel knows no master of that name")
        found = node_of(*reply) if _is_pair(reply) else None
        if found is None:
            raise Unreadable("a Sentinel names what is no address")
        return found

    async def _open(self, url: RedisUrl, node: Node) -> Streams:
        context = _context(self._server) if self._server.tls or url.tls else None
        addresses = await self._resolve(self._server, node, node not in url.nodes)
        name, first = node.host.rstrip(".") if context else None, self._turns % len(addresses)
        refused: OSError | None = None
        for each in (*addresses[first:], *addresses[:first]):
            try:
                return await asyncio.open_connection(each, node.port, ssl=context, limit=CHUNK, server_hostname=name)
            except ssl.SSLError:
                raise
            except OSError as error:
                refused = refused or error
        assert refused is not None
        raise refused


async def _answers(streams: Streams, commands: Sequence[Command]) -> list[Reply]:
    return [each.reply for each in await _exchange(streams, packed(commands), [None] * len(commands), CHUNK)]


async def _exchange(streams: Streams, commands: bytes, known: Sequence[Said | None], most_bytes: int) -> list[Said]:
    reader, writer = streams
    writer.write(commands)
    await writer.drain()
    replies = replies_of(known, most_bytes)
    next(replies)
    while True:
        chunk = await reader.read(CHUNK)
        if not chunk:
            raise Unreadable("the server closed the connection")
        try:
            replies.send(chunk)
        except StopIteration as done:
            found: list[Said] = done.value
            return found


def _url_of(server: Server) -> RedisUrl:
    try:
        url = redis_url(server.url)
    except ValueError:
        raise Unreadable("the URL leads to no server") from None
    if not url.nodes:
        raise Unreadable("the URL leads to no server")
    return url


def _login(user: str | None, password: str | None) -> list[Command]:
    return [["AUTH", *([user] if user else []), password]] if password is not None else []


def _is_pair(reply: Reply) -> bool:
    return isinstance(reply, list) and len(reply) == 2 and all(isinstance(each, bytes) for each in reply)


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return "the host is not known" if isinstance(error, OSError) else "the host's name is none"


def _context(server: Server) -> ssl.SSLContext:
    from dcp_pipeline.process.api_server import load_client

    try:
        context = ssl.create_default_context(cadata=server.ca or None)
        if not server.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if server.cert:
            load_client(context, server.cert, server.key or server.cert)
    except (ssl.SSLError, ValueError):
        raise Unreadable("the certificates of spec.queue.redis.tls cannot be used") from None
    return context
