"""Reads the queues of many pipelines: per Redis server one connection, in the event loop, however many servers hang.

A server that does not answer costs a socket until its time is over, and nothing else. One that has been away for a
while is asked less often. Whatever it answers is decoded into types, or is that server's pipelines' condition.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from dcp_operator.scaling.looking import LookedAt, looked, unread
from dcp_operator.scaling.reach import Reach, is_listed
from dcp_operator.scaling.resp import Command, Refused, Reply, Said, Unreadable, packed
from dcp_operator.scaling.server import Server
from dcp_operator.scaling.wire import Wire
from dcp_operator.status.seen import QueueSeen
from dcp_pipeline.observe.look import REPLIES, questions, time_of
from dcp_pipeline.observe.scaling_note import ScalingNote, history_commands, note_command
from dcp_pipeline.queue.leaving import held_of, leaving_arguments
from dcp_pipeline.queue.scripts import Script
from dcp_pipeline.queue.view import chunks
from dcp_pipeline.redis_url import Node, redis_url

QUEUES_AT_ONCE = 250
"""In one call: it has its own time, and its answer is read without keeping the event loop from all else for long."""
MOST_BYTES = 32 * 2**20
FIRST_BYTES, BYTES_PER_QUEUE = 256 * 1024, 256 * 1024
"""Of one answer: some thousand workers' signs of life are 200 KB."""
RESOLVERS = 32
FOREIGN = "it sends us to a host that is neither in the pipeline's namespace nor in queueHosts"
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
        return self.questions


PodAt = Callable[[str, str], Awaitable[bool]]
"""Whether a pod of a namespace has an address. Raises nothing."""


async def no_pod(namespace: str, address: str) -> bool:
    """Where there are no pods."""
    return False


class QueueReader:
    """Keeps one connection per server. To be closed."""

    def __init__(self, reach: Reach, monotonic: Callable[[], float] = time.monotonic, pod_at: PodAt = no_pod) -> None:
        self._reach, self._monotonic, self._pod_at = reach, monotonic, pod_at
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
        if reply == _NO_SCRIPT:
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

    async def _resolve(self, server: Server, node: Node, told: bool) -> Sequence[str]:
        """The addresses of a node, of both families. A name that a server told us is not even asked for in DNS where
        the operator does not go there."""
        is_address = _is_address(node.host)
        if told and not is_address and not self._reach.may_be_told(node.host, server.namespace):
            raise Unreadable(FOREIGN)
        found = await self._addresses(node)
        if any(map(self._reach.never, found)):
            raise Unreadable("the host is an address that the operator never goes to")
        if told and is_address and not await self._is_ours(server, found[0]):
            raise Unreadable(FOREIGN)
        return found

    async def _is_ours(self, server: Server, address: str) -> bool:
        """Whether an address that a server told us is one where the spec might have led us: listed, what a name of
        its URL leads to (a headless Service: each of its pods), or a pod of the pipeline's namespace."""
        if is_listed(address, self._reach.hosts):
            return True
        named = [each for each in redis_url(server.url).nodes if not _is_address(each.host)]
        for each in await asyncio.gather(*map(self._addresses, named), return_exceptions=True):
            if isinstance(each, list) and address in each:
                return True
        return await self._pod_at(server.namespace, address)

    async def _addresses(self, node: Node) -> list[str]:
        """In threads of our own, so that names that nobody answers for hold up nothing else."""
        if _is_address(node.host):
            return [str(ipaddress.ip_address(node.host))]
        loop, name = asyncio.get_running_loop(), self._reach.name_asked_for(node.host)
        return await loop.run_in_executor(self._resolvers, _addresses, name, node.port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _addresses(host: str, port: int) -> list[str]:
    found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    return found
