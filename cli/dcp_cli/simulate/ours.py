"""Our own autoscaler in the simulator: nothing but the decision that the operator calls, with what it sees."""

from __future__ import annotations

from dataclasses import dataclass

from dcp_cli.simulate.autoscaler import Loop, Phases
from dcp_cli.simulate.world import Seen
from dcp_pipeline.scaling.decision import decide_replicas
from dcp_pipeline.scaling.model import Bounds, Cause, Decision, Load, Memory, Policy, Workers

SYNC_SECONDS = 2.0
"""The operator's SYNC_PERIOD."""


@dataclass(frozen=True)
class Step:
    """A change, with its reason."""

    at: float
    before: int
    after: int
    reason: str
    cause: Cause


class Ours:
    """`steps` are the changes so far, `decision` is the last one."""

    idle_first = True
    decision: Decision

    def __init__(self, policy: Policy, bounds: Bounds, phases: Phases) -> None:
        self._policy, self._bounds = policy, bounds
        self._looks = Loop(SYNC_SECONDS, phases.first)
        self._memory = Memory()
        self.steps: list[Step] = []

    def due(self) -> float:
        return self._looks.due

    def act(self, now: float, seen: Seen) -> int:
        self._looks.passed(now)
        load = Load(seen.waiting + seen.in_flight, seen.in_flight, seen.done)
        workers = Workers(seen.wanted, seen.ready)
        decision = self.decision = decide_replicas(load, workers, self._bounds, self._policy, self._memory, now)
        self._memory = decision.memory
        if decision.replicas != seen.wanted:
            self.steps.append(Step(now, seen.wanted, decision.replicas, decision.reason, decision.cause))
        return decision.replicas
