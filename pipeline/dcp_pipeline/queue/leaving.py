"""Which worker processes are to go: asked by whoever scales in, heeded by every claim.

A process that was asked to go finishes what it holds and is given nothing more. One that is found idle therefore
stays idle, and may be stopped without interrupting anything. docs/adr/0035 tells why this is not left to chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import redis

from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.scripts import Script

ASKED_FOR_SECONDS = 30.0
"""How long it counts when nobody asks again: whoever asked may be gone."""


def ask_to_go(
    client: redis.Redis, queue: str, processes: Sequence[str], count: int, seconds: float = ASKED_FOR_SECONDS
) -> Mapping[str, int]:
    """Ask `count` of the processes to go, and no others: process -> jobs that it still holds, in the order of choice.

    Idle ones first, among them in the given order. With a count of 0 everybody stays. redis' errors pass through.
    """
    keys, arguments = leaving_arguments(queue, processes, count, seconds)
    return held_of(Script.load("ask_to_go").run(client, keys, arguments))


def leaving_arguments(
    queue: str, processes: Sequence[str], count: int, seconds: float = ASKED_FOR_SECONDS
) -> tuple[Sequence[str], Sequence[str | int]]:
    """Keys and arguments of lua/ask_to_go.lua."""
    keys = Keys(queue)
    return keys.state, (keys.job_prefix, round(seconds * 1_000_000), count, *processes)


def held_of(reply: object) -> Mapping[str, int]:
    """From the script's reply. Raises msgspec.ValidationError or ValueError where it is none."""
    flat = msgspec.convert(reply, list[int | bytes])
    names = msgspec.convert(flat[::2], list[bytes])
    return {name.decode(): int(held) for name, held in zip(names, flat[1::2], strict=True)}
