"""What a round does: a pure function of its seed. play.py carries it out.

Which faults follow each other, and what the feed's files hold. How many files there are, and what each process is doing
when a fault strikes, is up to the machine: files come as fast as they are worked off.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from support.botnet_feed import HEADER, lines


class Fault(StrEnum):
    """What strikes. faults.py says how."""

    WORKERS_DELETED = "workers-deleted"
    WORKERS_KILLED = "workers-killed"
    FETCHER_KILLED = "fetcher-killed"
    OPERATOR_KILLED = "operator-killed"
    NODE_DRAINED = "node-drained"
    REDIS_RESTARTED = "redis-restarted"
    REDIS_CLOSED = "redis-closed"
    MARIADB_KILLED = "mariadb-killed"
    RELEASE_UPGRADED = "release-upgraded"
    REPLAY_KILLED = "replay-killed"


@dataclass(frozen=True)
class Strike:
    """A fault, and a number from [0, 1) for what it needs of chance."""

    fault: Fault
    draw: float


@dataclass(frozen=True)
class Arrival:
    """A file that appears in the feed."""

    name: str
    text: bytes
    packed: bool


def strikes_of(seed: int) -> tuple[Strike, ...]:
    """Every fault once, in the seed's order."""
    chance = random.Random(f"cluster chaos {seed}")
    return tuple(Strike(fault, chance.random()) for fault in chance.sample(list(Fault), len(Fault)))


def arrival_of(seed: int, number: int) -> Arrival:
    """The feed's file of this number, from 0. Its first records stand in the file before it too."""
    chance = random.Random(f"cluster chaos {seed} file {number}")
    records = chance.randrange(800, 1_400)
    packed = chance.random() < 0.25
    again = list(islice(lines(records, _seed(seed, number - 1)), records // 50)) if number else []
    text = b"".join([HEADER.encode(), b"\n", *again, *lines(records, _seed(seed, number))])
    return Arrival(f"{number:04d}-sinkhole.csv{'.gz' if packed else ''}", text, packed)


def _seed(seed: int, number: int) -> int:
    return seed * 10_000 + number
