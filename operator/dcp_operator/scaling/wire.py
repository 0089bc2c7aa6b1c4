"""Redis' protocol, as far as the operator needs it, for servers that tenants name: what comes back is not trusted.

One connection for each server, used by one call at a time, under one limit of time and one of bytes. A reply that is no
reply, too deep or too long ends the connection, and nothing of it gets into a message. Of the URL count host, port,
database and user: no option in it lifts a limit. No byte is read twice, so that bytes that drip cost what they weigh.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from dcp_operator.scaling.server import Server

Command = Sequence[str | bytes | int]
Reply = Any
"""int, bytes, None, a list of such, or Refused."""

LONGEST_KNOWN = 4096
"""Of a reply that is kept, to be compared with the next."""
SECONDS = 2.0
"""For a whole call: connecting, logging in and every reply."""
DEEPEST = 4
CHUNK = 64 * 1024
_WORDS = frozenset(
    {"ERR", "NOAUTH", "WRONGPASS", "NOPERM", "WRONGTYPE", "LOADING", "MISCONF", "OOM", "NOSCRIPT", "READONLY", "MOVED",
     "ASK", "CLUSTERDOWN", "CROSSSLOT", "BUSY", "MASTERDOWN", "EXECABORT", "NOREPLICAS", "TRYAGAIN", "NOPROTO"}
)  # fmt: skip

Answer = TypeVar("Answer")


class Unreadable(Exception):
    """A server that cannot be asked, or answers what no Redis does. The message holds no byte of the answer's."""


@dataclass(frozen=True)
class Refused:
    """An error reply: the word by which Redis tells errors apart, never the text."""

    word: str

    def __str__(self) -> str:
        return f"the server refuses: {self.word}"


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, and the bytes that it came in; None where they are too many to be compared with the next."""

    raw: bytes | None
    reply: Reply


class Wire:
    """To be closed. Every call raises Unreadable and nothing else."""

    def __init__(self, server: Server, resolve: Callable[[str, int], Any] | None = None) -> None:
        self._server = server
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._resolve = resolve

    async def call(self, commands: Sequence[Command], most_bytes: int) -> list[Reply]:
        """Send them all, and read one reply for each."""
        return [each.reply for each in await self.again(packed(commands), [None] * len(commands), most_bytes)]

    async def again(self, commands: bytes, known: Sequence[Said | None], most_bytes: int) -> list[Said]:
        """Send packed() commands, and read one reply for each of `known`: what each said the last time it was asked.
        The very same object where it says the same."""
        async with self._turn:
            try:
                async with asyncio.timeout(SECONDS):
                    if self._streams is None:
                        await self._connect()
                    return await self._exchange(commands, known, most_bytes)
            except TimeoutError:
                self.close()
                raise Unreadable(f"no answer within {SECONDS:.0f} s") from None
            except ssl.SSLError as error:
                self.close()
                raise Unreadable(f"TLS: {error.reason or 'failed'}") from None
            except (OSError, UnicodeError) as error:
                self.close()
                raise Unreadable(_why(error)) from None
            except (Unreadable, asyncio.CancelledError):
                self.close()
                raise

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _connect(self) -> None:
        host, port, database, user = address_of(self._server)
        context = _context(self._server) if self._server.tls or self._server.url.startswith("rediss:") else None
        where = host if self._resolve is None else await self._resolve(host, port)
        name = host.rstrip(".") if context else None
        self._streams = await asyncio.open_connection(where, port, ssl=context, limit=CHUNK, server_hostname=name)
        words: list[Command] = []
        if self._server.password is not None:
            words.append(["AUTH", *([user] if user else []), self._server.password])
        if database:
            words.append(["SELECT", database])
        words.append(["CLIENT", "SETNAME", "dcp-operator"])
        for command, said in zip(words, await self._exchange(packed(words), [None] * len(words), CHUNK), strict=True):
            if isinstance(said.reply, Refused) and command[0] != "CLIENT":
                raise Unreadable(str(said.reply))

    async def _exchange(self, commands: bytes, known: Sequence[Said | None], most_bytes: int) -> list[Said]:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(commands)
        await writer.drain()
        replies = _replies(known, most_bytes)
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


def address_of(server: Server) -> tuple[str, int, int, str | None]:
    """Host, port, database and user. Raises Unreadable for a URL that leads nowhere."""
    try:
        parts = urlsplit(server.url)
        host, port, database = parts.hostname, parts.port or 6379, parts.path.strip("/") or "0"
    except ValueError:
        raise Unreadable("the URL leads to no server") from None
    if parts.scheme not in ("redis", "rediss") or not host or not database.isdecimal() or len(database) > 5:
        raise Unreadable("the URL leads to no server")
    user = server.username or (unquote(parts.username) if parts.username else None)
    return host, port, int(database), user


def packed(commands: Sequence[Command]) -> bytes:
    """As they are sent."""
    return b"".join(map(_sent, commands))


def _sent(command: Command) -> bytes:
    words = [each if isinstance(each, bytes) else str(each).encode() for each in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in words)


def _replies(known: Sequence[Said | None], most_bytes: int) -> Generator[None, bytes, list[Said]]:
    """Fed with chunks; returns the replies. Holds no more than `most_bytes`, whatever lengths are claimed."""
    held, at, begun, taken = bytearray(), 0, 0, 0

    def more() -> Generator[None, bytes, None]:
        nonlocal at, begun, taken
        chunk = yield
        taken += len(chunk)
        if taken > most_bytes:
            raise Unreadable(f"the answer is longer than {most_bytes} bytes")
        if at - begun > LONGEST_KNOWN:
            begun = -1  # too long to be kept: what was read of it is let go
        kept = begun if begun >= 0 else at
        del held[:kept]
        held.extend(chunk)
        at, begun = at - kept, min(begun, 0)

    def as_before(raw: bytes) -> Generator[None, bytes, bool]:
        """A reply ends where it says itself: what begins with all of the last one is the last one."""
        while not held.startswith(raw, at):
            if len(held) - at >= len(raw) or not raw.startswith(bytes(held[at:])):
                return False
            yield from more()
        return True

    def line() -> Generator[None, bytes, bytes]:
        nonlocal at
        while (end := held.find(b"\r\n", at)) < 0:
            if len(held) - at > CHUNK:
                raise _no_redis()
            yield from more()
        found = bytes(held[at:end])
        at = end + 2
        return found

    def one(depth: int) -> Generator[None, bytes, Reply]:
        nonlocal at
        head = yield from line()
        kind, rest = head[:1], head[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            word = rest.split(b" ", 1)[0].decode("ascii", errors="replace")
            return Refused(word if word in _WORDS else "an error")
        size = _number(rest)
        if kind == b":":
            return size
        if (kind == b"$" and size == -1) or (kind == b"*" and size == -1):
            return None
        if size < 0 or size > most_bytes or depth >= DEEPEST:
            raise _no_redis()
        if kind == b"*":
            items = []
            for _ in range(size):
                items.append((yield from one(depth + 1)))  # noqa: PERF401 - a comprehension cannot yield
            return items
        if kind != b"$":
            raise _no_redis()
        while len(held) - at < size + 2:
            yield from more()
        found = bytes(held[at : at + size])
        if held[at + size : at + size + 2] != b"\r\n":
            raise _no_redis()
        at += size + 2
        return found

    found: list[Said] = []
    for last in known:
        begun = at
        if last is not None and last.raw is not None and (yield from as_before(last.raw)):
            at += len(last.raw)
            found.append(last)
            continue
        reply = yield from one(0)
        short = begun >= 0 and at - begun <= LONGEST_KNOWN
        found.append(Said(bytes(held[begun:at]) if short else None, reply))
    return found


def _number(text: bytes) -> int:
    if not text.removeprefix(b"-").isdigit() or len(text) > 20:
        raise _no_redis()
    return int(text)


def _no_redis() -> Unreadable:
    return Unreadable("what answers there is no Redis")


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
