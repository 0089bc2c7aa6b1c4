"""What an autoscaler is to the simulator: something that is due at times, sees the queue, and wants a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dcp_cli.simulate.world import Seen


@dataclass(frozen=True)
class Phases:
    """Where in their periods an autoscaler's loops are when the load begins, 0 to 1: nobody can choose that."""

    first: float
    second: float


def phases(count: int) -> list[Phases]:
    """`count` pairs that fill the square evenly; in 1024ths, so that sums of periods are exact."""
    pairs = [((n + 0.5) / count, (n * 0.618034 + 0.5 / count) % 1.0) for n in range(count)]
    return [Phases(round(first * 1024) / 1024, round(second * 1024) / 1024) for first, second in pairs]


class Autoscaler(Protocol):
    """`act` is called at the time that `due` said, and returns how many pods are wanted."""

    idle_first: bool
    """Whether pods that hold nothing are told to go before those that do."""

    def due(self) -> float: ...

    def act(self, now: float, seen: Seen) -> int: ...


class Loop:
    """A period that comes round."""

    def __init__(self, period_seconds: float, phase: float) -> None:
        self._period = period_seconds
        self.due = period_seconds * phase

    def passed(self, now: float) -> bool:
        """Whether it is due; then the next time is set."""
        if self.due > now:
            return False
        self.due += self._period
        return True
