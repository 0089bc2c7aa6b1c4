"""Processes that are killed and stopped from outside, at any moment."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from chaos.faults.fault import Fault, Undo

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage

_WORKERS = ("worker-1", "worker-2", "worker-3")


def killed(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL; it is started again after the strike's seconds."""
    return stage.cast[strike.target].knock_out()


def stopped(stage: Stage, strike: Strike) -> Undo:
    """SIGSTOP, then SIGCONT: to itself no time has passed, to everybody else its lease ran out."""
    actor = stage.cast[strike.target]
    actor.signal(signal.SIGSTOP)
    return lambda: actor.signal(signal.SIGCONT)


FAULTS = (
    Fault(
        "worker-killed",
        killed,
        _WORKERS,
        (0.0, 2.0),
        "its transaction is rolled back; its batch goes to another worker when the lease (2 s) has run out",
        keeps_leases=True,
        weight=2,
    ),
    Fault(
        "worker-stopped",
        stopped,
        _WORKERS,
        (1.0, 4.5),
        "its batch goes to another worker; when it wakes, the ledger and the fencing token refuse its work",
        keeps_leases=True,
        weight=2,
    ),
    Fault(
        "fetcher-killed",
        killed,
        ("fetcher",),
        (0.0, 2.0),
        "workers go on; the next fetcher reads on behind the last recorded cut",
        keeps_leases=True,
    ),
    Fault("fetcher-stopped", stopped, ("fetcher",), (1.0, 4.0), "workers go on with what is queued", keeps_leases=True),
)
