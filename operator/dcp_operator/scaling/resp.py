"""What goes over the wire to Redis and comes back: RESP2, of which nothing is believed. Pure.

A reply that is none, too deep or too long is Unreadable, and nothing of it gets into a message: an error is its first
word, where that is one of Redis', and of MOVED an address, where it is one.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from dcp_pipeline.redis_url import Node

Command = Sequence[str | bytes | int]
Reply = Any
"""int, bytes, None, a list of such, or Refused."""

LONGEST_KNOWN = 4096
"""Of a reply that is kept, to be compared with the next."""
DEEPEST = 4
CHUNK = 64 * 1024
_WORDS = frozenset(
    {"ERR", "NOAUTH", "WRONGPASS", "NOPERM", "WRONGTYPE", "LOADING", "MISCONF", "OOM", "NOSCRIPT", "READONLY", "MOVED",
     "ASK", "CLUSTERDOWN", "CROSSSLOT", "BUSY", "MASTERDOWN", "EXECABORT", "NOREPLICAS", "TRYAGAIN", "NOPROTO"}
)  # fmt: skip
_HOST = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9A-Fa-f:.]{2,45}")
_MOVED = re.compile(rb"MOVED [0-9]{1,5} (.*):([0-9]{1,5})")


class Unreadable(Exception):
    """A server that cannot be asked, or answers what no Redis does. The message holds no byte of the answer's."""


@dataclass(frozen=True)
class Refused:
    """An error reply: the word by which Redis tells errors apart, never the text."""

    word: str

    def __str__(self) -> str:
        if self.word in ("ASK", "TRYAGAIN"):
            return "the Cluster is moving the queue's slot to another server"
        if self.word == "MOVED":
            return "the server is one of a Cluster: spec.queue.redis.url is to begin with redis+cluster://"
        return f"the server refuses: {self.word}"


@dataclass(frozen=True)
class Moved(Refused):
    """Another server of the Cluster has the key; it says where. None where it names no address."""

    to: Node | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, and the bytes that it came in; None where they are too many to be compared with the next."""

    raw: bytes | None
    reply: Reply


def node_of(host: bytes, port: bytes) -> Node | None:
    """What a server says of another one; None where that is no address."""
    if not _HOST.fullmatch(host) or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65536:
        return None
    return Node(host.decode("ascii").lower(), int(port))


def packed(commands: Sequence[Command]) -> bytes:
    """As they are sent."""
    return b"".join(map(_sent, commands))


def _sent(command: Command) -> bytes:
    words = [each if isinstance(each, bytes) else str(each).encode() for each in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in words)


def replies_of(known: Sequence[Said | None], most_bytes: int) -> Generator[None, bytes, list[Said]]:
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
                raise no_redis()
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
            if (moved := _MOVED.fullmatch(rest)) is not None:
                return Moved("MOVED", node_of(moved[1], moved[2]))
            word = rest.split(b" ", 1)[0].decode("ascii", errors="replace")
            return Refused(word if word in _WORDS else "an error")
        size = _number(rest)
        if kind == b":":
            return size
        if size == -1 and kind in (b"$", b"*"):
            return None
        if size < 0 or size > most_bytes or depth >= DEEPEST:
            raise no_redis()
        if kind == b"*":
            items = []
            for _ in range(size):
                items.append((yield from one(depth + 1)))  # noqa: PERF401 - a comprehension cannot yield
            return items
        if kind != b"$":
            raise no_redis()
        while len(held) - at < size + 2:
            yield from more()
        found = bytes(held[at : at + size])
        if held[at + size : at + size + 2] != b"\r\n":
            raise no_redis()
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
        raise no_redis()
    return int(text)


def no_redis() -> Unreadable:
    """For what is no reply."""
    return Unreadable("what answers there is no Redis")
