"""What is to be done next for one pipeline: pure, from what was seen. supervisor.py does it.

A change is tried by a worker of its own before anything that runs is touched; it is taken up once that worker is ready,
which has looked at the table by then. Workers are then replaced one by one, the new one first; the fetcher, of which
there may be one only, is stopped and started: what is queued is cleaned meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

IDLE_SECONDS = 60.0
"""A worker that was started for what was queued goes when nothing was for so long."""
TRIAL_SECONDS = 120.0
"""How long a change may take to become ready."""
_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 60.0
SOUND_SECONDS = 60.0


class Role(StrEnum):
    """What a process does."""

    FETCHER = "fetcher"
    WORKER = "worker"
    PAGE = "page"
    METRICS = "metrics"


@dataclass(frozen=True)
class Seen:
    """One process of a pipeline."""

    pid: int
    role: Role
    generation: int
    ready: bool
    stopping: bool


@dataclass(frozen=True)
class Standing:
    """One pipeline, as it stands."""

    children: tuple[Seen, ...]
    current: int
    """The generation of the spec that runs; a restart is a new one too."""
    trial: int | None
    """The generation that is tried."""
    workers: int
    """How many there are to be."""
    gone: bool = False
    """Its file was taken away, or everything ends."""
    may_start: frozenset[Role] = frozenset(Role)
    """What is not waiting for a new start after a crash."""


@dataclass(frozen=True)
class Start:
    """Start a process with the spec of a generation."""

    role: Role
    generation: int


@dataclass(frozen=True)
class Stop:
    """Tell a process to end."""

    pid: int


@dataclass(frozen=True)
class Accept:
    """The change that was tried holds from now on."""

    generation: int


Step = Start | Stop | Accept


def next_steps(pipeline: Standing) -> list[Step]:
    """In this order."""
    going = [each for each in pipeline.children if not each.stopping]
    if pipeline.gone:
        return [Stop(each.pid) for each in going]
    wanted = (pipeline.current, pipeline.trial)
    if strays := [each for each in going if each.generation > pipeline.current and each.generation not in wanted]:
        return [Stop(each.pid) for each in strays]  # of a change that was refused, or overtaken by another
    if pipeline.trial is not None:
        tried = [each for each in pipeline.children if each.generation == pipeline.trial]
        if any(each.ready for each in tried):
            return [Accept(pipeline.trial)]
        trying: list[Step] = [] if tried else [Start(Role.WORKER, pipeline.trial)]
        return trying + _kept(pipeline, [each for each in going if each.generation != pipeline.trial])
    return _kept(pipeline, going)


def _kept(pipeline: Standing, going: Sequence[Seen]) -> list[Step]:
    return [*_fetcher(pipeline, going), *_workers(pipeline, [each for each in going if each.role is Role.WORKER])]


def _fetcher(pipeline: Standing, going: Sequence[Seen]) -> list[Step]:
    fetchers = [each for each in going if each.role is Role.FETCHER]
    if old := [each for each in fetchers if each.generation < pipeline.current]:
        return [Stop(each.pid) for each in old]
    # One that is stopping has the pipeline in hand still.
    there = any(each.role is Role.FETCHER for each in pipeline.children)
    return [] if there or Role.FETCHER not in pipeline.may_start else [Start(Role.FETCHER, pipeline.current)]


def _workers(pipeline: Standing, going: Sequence[Seen]) -> list[Step]:
    old = [each for each in going if each.generation < pipeline.current]
    new = [each for each in going if each.generation == pipeline.current]
    leaving = any(each.role is Role.WORKER and each.stopping for each in pipeline.children)
    wanted = max(pipeline.workers, 1) if old else pipeline.workers
    if old and len(new) + len(old) > wanted:
        # One leaves at a time, and only beside a successor that is ready.
        return [] if leaving or not all(each.ready for each in new) else [Stop(old[0].pid)]
    if len(new) + len(old) > wanted:
        return [Stop(new[-1].pid)]
    if len(new) + len(old) < wanted or old:
        starting = any(not each.ready for each in new)
        may = Role.WORKER in pipeline.may_start and not (old and starting)
        return [Start(Role.WORKER, pipeline.current)] if may else []
    return []


def pause_seconds(crashes: int) -> float:
    """How long a process that has crashed so many times in a row waits for its next start."""
    return min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(crashes - 1, 10)) if crashes else 0.0


def crashes_in_a_row(before: int, lived_seconds: float) -> int:
    """With the crash of a process that lived for so long: one that was sound for a while begins anew."""
    return 1 if lived_seconds >= SOUND_SECONDS else before + 1
