"""Reads the queues of many pipelines: per Redis server one connection, in the event loop, however many servers hang.

A server that does not answer costs a socket until its time is over, and nothing else. One that has been away for a
while is asked less often. Whatever it answers is decoded into types, or is that server's pipelines' condition.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from dcp_operator.scaling.looking import LookedAt, looked, unread
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server
from dcp_operator.scaling.wire import Command, Refused, Reply, Said, Unreadable, Wire, packed
from dcp_operator.status.seen import QueueSeen
from dcp_pipeline.observe.look import REPLIES, questions, time_of
from dcp_pipeline.observe.scaling_note import ScalingNote, history_commands, note_command
from dcp_pipeline.queue.leaving import held_of, leaving_arguments
from dcp_pipeline.queue.scripts import Script
from dcp_pipeline.queue.view import chunks

QUEUES_AT_ONCE = 250
"""In one call: it has its own time, and its answer is read without keeping the event loop from all else for long."""
MOST_BYTES = 32 * 2**20
FIRST_BYTES, BYTES_PER_QUEUE = 256 * 1024, 256 * 1024
"""Of one answer: some thousand workers' signs of life are 200 KB."""
RESOLVERS = 32
FAILURES_UNPAUSED = 5
LONGEST_PAUSE_SECONDS = 8.0
"""A server that stays away is asked so seldom, that its return is noticed within it."""
_NO_SCRIPT = Refused("NOSCRIPT")
_NOTHING: Sequence[Said | None] = [None] * REPLIES
UNREADABLE = (Unreadable,)
"""What a server that cannot be asked raises: it is away, refuses us, or is none."""


@dataclass
class _Asked:
    """One server's connection, and since when it fails."""

    wire: Wire
    failures: int = 0
    paused_until: float = 0.0
    error: str = ""
    queues: Sequence[str] = ()
    """As asked for last."""
    questions: list[tuple[Sequence[str], bytes]] = field(default_factory=list)
    """What is sent for them."""
    looked: dict[str, LookedAt] = field(default_factory=dict)
    """What was there at the last look."""

    def asks(self, queues: Sequence[str], stats_sha: str) -> list[tuple[Sequence[str], bytes]]:
        """The calls that ask for these queues."""
        if self.queues != queues:
            self.queues = queues
            self.questions = [(each, packed(questions(each, stats_sha))) for each in chunks(queues, QUEUES_AT_ONCE)]
            self.looked = {queue: was for queue in queues if (was := self.looked.get(queue)) is not None}
        return self.questions


class QueueReader:
    """Keeps one connection per server. To be closed."""

    def __init__(self, reach: Reach, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reach, self._monotonic = reach, monotonic
        self._asked: dict[Server, _Asked] = {}
        self._resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolve")

    async def read(self, server: Server, queues: Sequence[str]) -> Mapping[str, QueueSeen]:
        """What is in each of these queues; an unreachable server is an answer too. Where nothing has changed since
        the last look, the very same values."""
        asked = self._one(server)
        if self._monotonic() < asked.paused_until:
            return unread(queues, asked.error)
        script = Script.load("stats")
        found: dict[str, LookedAt] = {}
        try:
            for names, commands in asked.asks(queues, script.sha):
                found |= await self._looked(asked, names, commands, script)
        except (Unreadable, msgspec.ValidationError, RecursionError) as error:
            told = str(error) if isinstance(error, Unreadable) else "what answers there is no Redis"
            self._failed(asked, told)
            return unread(queues, told)
        asked.failures, asked.looked = 0, found
        return {queue: each.seen for queue, each in found.items()}

    async def ask_to_go(self, server: Server, queue: str, processes: Sequence[str], count: int) -> Mapping[str, int]:
        """Ask `count` of a queue's worker processes to go: process -> batches that it still holds. UNREADABLE passes
        through."""
        script = Script.load("ask_to_go")
        keys, arguments = leaving_arguments(queue, processes, count)
        reply = await self._run(self._one(server).wire, script, keys, arguments)
        try:
            return held_of(reply)
        except (msgspec.ValidationError, UnicodeDecodeError, ValueError):
            raise Unreadable("what answers there is no Redis") from None

    async def leave_notes(
        self, server: Server, notes: Mapping[str, ScalingNote], changed: Collection[str] = ()
    ) -> None:
        """Leave a note for `dcp status` beside each of these queues, and in the history of those whose number of
        workers it changed. UNREADABLE passes through."""
        commands = [note_command(*each) for each in notes.items()]
        for queue in changed:
            commands.extend(history_commands(queue, notes[queue]))
        replies = await self._one(server).wire.call(commands, FIRST_BYTES)
        for reply in replies:
            if isinstance(reply, Refused):
                raise Unreadable(str(reply))

    def keep(self, servers: set[Server]) -> None:
        """Forget all other servers."""
        for server in self._asked.keys() - servers:
            self._asked.pop(server).wire.close()

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)
        for each in self._asked.values():
            each.wire.close()

    async def _looked(
        self, asked: _Asked, names: Sequence[str], commands: bytes, script: Script
    ) -> dict[str, LookedAt]:
        """One call."""
        most = min(MOST_BYTES, FIRST_BYTES + BYTES_PER_QUEUE * len(names))
        known: list[Said | None] = [None]
        for name in names:
            known.extend(was.said if (was := asked.looked.get(name)) is not None else _NOTHING)
        said = await asked.wire.again(commands, known, most)
        if any(each.reply == _NO_SCRIPT for each in said[1::REPLIES]):
            await asked.wire.call([["SCRIPT", "LOAD", script.source]], FIRST_BYTES)
            said = await asked.wire.again(commands, known, most)
        if isinstance(said[0].reply, Refused):
            raise Unreadable(str(said[0].reply))
        time = time_of(said[0].reply)
        parts = (said[n : n + REPLIES] for n in range(1, len(said), REPLIES))
        return {name: looked(asked.looked.get(name), time, part) for name, part in zip(names, parts, strict=True)}

    async def _run(self, wire: Wire, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Reply:
        words: Command = [len(keys), *keys, *arguments]
        (reply,) = await wire.call([["EVALSHA", script.sha, *words]], FIRST_BYTES)
        if reply == Refused("NOSCRIPT"):
            (reply,) = await wire.call([["EVAL", script.source, *words]], FIRST_BYTES)
        if isinstance(reply, Refused):
            raise Unreadable(str(reply))
        return reply

    def _one(self, server: Server) -> _Asked:
        if server not in self._asked:
            self._asked[server] = _Asked(Wire(server, self._resolve))
        return self._asked[server]

    def _failed(self, asked: _Asked, error: str) -> None:
        asked.failures, asked.error = asked.failures + 1, error
        if asked.failures > FAILURES_UNPAUSED:
            pause = min(2.0 ** min(asked.failures - FAILURES_UNPAUSED, 8), LONGEST_PAUSE_SECONDS)
            asked.paused_until = self._monotonic() + pause

    async def _resolve(self, host: str, port: int) -> str:
        """An address, out of all that a name has; in threads of our own, so that names that nobody answers for hold up
        nothing else."""
        try:
            found = [str(ipaddress.ip_address(host))]
        except ValueError:
            loop, name = asyncio.get_running_loop(), self._reach.name_asked_for(host)
            found = await loop.run_in_executor(self._resolvers, _addresses, name, port)
        if any(map(self._reach.never, found)):
            raise Unreadable("the host is an address that the operator never goes to")
        return found[0]


def _addresses(host: str, port: int) -> list[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
