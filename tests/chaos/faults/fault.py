"""What a fault is: an entry of the table, with the function that does it to a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage

Undo = Callable[[], None]
Begin = Callable[["Stage", "Strike"], Undo]
"""Does it, and returns what ends it; the schedule calls that after the strike's seconds."""

FETCHER_REDIS, WORKER_REDIS = "fetcher-redis", "worker-redis"
FETCHER_MARIADB, WORKER_MARIADB = "fetcher-mariadb", "worker-mariadb"
FETCHER_FEED = "fetcher-feed"
LINKS = (FETCHER_REDIS, WORKER_REDIS, FETCHER_MARIADB, WORKER_MARIADB, FETCHER_FEED)
REDIS, MARIADB, FEED = "redis", "mariadb", "feed"


@dataclass(frozen=True)
class Fault:
    """`targets`: on what it may strike; on one target only one strikes at a time. `seconds`: for how long, from and
    to. `meanwhile`: what happens, for the table in docs/faults.md. `forgets`: whether the queue may lose work.
    `keeps_leases`: whether workers that live keep their batches meanwhile. `long_seconds`: for how long by hand."""

    name: str
    begin: Begin
    targets: tuple[str, ...]
    seconds: tuple[float, float]
    meanwhile: str
    forgets: bool = False
    keeps_leases: bool = False
    weight: float = 1.0
    long_seconds: tuple[float, float] | None = None


def nothing() -> None:
    """The end of what ended by itself."""
