"""Which worker processes are to go: asked by whoever scales in, heeded by every claim.

A process that was asked to go finishes what it holds and is given nothing more. One that is found idle therefore
stays idle, and may be stopped without interrupting anything. docs/adr/0035 tells why this is not left to chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import redis

from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.scripts import Argument, Script

ASKED_FOR_SECONDS = 30.0
"""How long it counts when nobody asks again: whoever asked may be gone."""


def ask_to_go(
    client: redis.Redis, queue: str, processes: Sequence[str], count: int, seconds: float = ASKED_FOR_SECONDS
) -> Mapping[str, int]:
    """Ask `count` of the processes to go, and no others: process -> jobs that it still holds, in the order of choice.

    Idle ones first, among them in the given order. With a count of 0 everybody stays. redis' errors pass through.
    """
    keys = Keys(queue)
    arguments: tuple[Argument, ...] = (keys.job_prefix, round(seconds * 1_000_000), count, *processes)
    reply: list[bytes] = Script.load("ask_to_go").run(client, keys.state, arguments)
    return {name.decode(): int(held) for name, held in zip(reply[::2], reply[1::2], strict=True)}
