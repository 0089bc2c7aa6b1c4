"""All faults that can strike. A process that kills or stops itself at a phase is a Doom (plan.py)."""

from __future__ import annotations

from chaos.faults import feed, intruders, network, processes, queue, rewinds, sink
from chaos.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *processes.FAULTS,
    *queue.FAULTS,
    *intruders.FAULTS,
    *sink.FAULTS,
    *rewinds.FAULTS,
    *network.FAULTS,
    *feed.FAULTS,
)
BY_NAME = {each.name: each for each in FAULTS}
