"""What a backlog calls for, and in which words: the first step of a decision.

By `backlogPerWorker`: ceil(backlog / backlogPerWorker), KEDA's formula, with what is in flight counted.

By `drainWithin` (D), with a batch's worker-seconds w (learned), the startup time S and n workers wanted:

    the wait       backlog * w / n
    up to D / 2    enough: n, or fewer where some have nothing to do
    up to D        as many as keep up with what arrives steadily
    above          those, and enough to have the backlog done within D; new ones can work for D - S of it
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcp_pipeline.scaling.learning import mean_arrivals, sustained_arrivals
from dcp_pipeline.scaling.model import Cause, Learned, Load, Policy, Workers

NEARLY = 0.5
"""Of a worker: an idle one goes where those who stay lack less than this to keep up."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Wanted:
    """A number of workers on its way through the steps of a decision, with why it is that many."""

    replicas: int
    reason: str
    cause: Cause

    def instead(self, replicas: int, why: str, cause: Cause) -> Wanted:
        """Another number, because of something that comes on top."""
        return Wanted(replicas, f"{self.reason}; {why}", cause)


def demand(load: Load, workers: Workers, policy: Policy, learned: Learned) -> Wanted:
    """How many workers the backlog calls for, without bounds, windows or limits."""
    if load.backlog <= 0:
        return Wanted(0, "the queue is empty", Cause.EMPTY)
    if policy.backlog_per_worker is not None:
        wish = math.ceil(load.backlog / policy.backlog_per_worker)
        each = policy.backlog_per_worker
        return Wanted(wish, f"{load.backlog} batches, one worker for each {each}", Cause.FOLLOWING)
    return _to_drain(load, workers, policy, learned)


def _to_drain(load: Load, workers: Workers, policy: Policy, learned: Learned) -> Wanted:
    within, per_batch = policy.drain_within_seconds, learned.pace.seconds_per_batch / policy.concurrency
    work, flow = load.backlog * per_batch, sustained_arrivals(learned) * per_batch
    useful = math.ceil(load.backlog / policy.concurrency)
    keep = _worth_keeping(load, workers, useful, mean_arrivals(learned) * per_batch)
    facts = f"{load.backlog} batches of {_seconds(learned.pace.seconds_per_batch)} s each"
    if workers.wanted and work <= workers.wanted * within / 2:
        wait = work / workers.wanted
        return Wanted(keep, f"{facts}: {_count(workers.wanted)} need {_seconds(wait)} s for them", Cause.FOLLOWING)
    if workers.wanted and work <= workers.wanted * within:
        need, why = flow, f"{facts}, and {_seconds(flow / per_batch)} per second arrive"
    else:
        need = flow + _workers_to_drain(work, workers, within, learned.startup_seconds)
        why = (
            f"{facts}, to be done within {within:.0f} s; a worker needs {_seconds(learned.startup_seconds)} s to start"
        )
    wish = max(keep, min(math.ceil(need - _ROUNDING), useful))
    return Wanted(wish, why, Cause.FOLLOWING)


def _worth_keeping(load: Load, workers: Workers, useful: int, flow: float) -> int:
    """Of the present workers, those that have something to do: nothing is saved by sending one away that has."""
    if load.backlog > load.in_flight:
        return min(workers.wanted, useful)
    return min(workers.wanted, useful, max(1, math.floor(flow + NEARLY)))


def _workers_to_drain(work: float, workers: Workers, within: float, startup: float) -> float:
    """`work` is in worker-seconds. A startup longer than half of the time given cannot be made good by numbers."""
    there = min(workers.ready, workers.wanted)
    late = within - min(startup, within / 2)
    return work / within if work <= there * within else there + (work - there * within) / late


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _count(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"
