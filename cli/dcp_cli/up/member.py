"""One pipeline under the supervisor: its spec in the versions that matter, and its processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dcp_cli.up.notes import PipelineNote, ProcessNote
from dcp_cli.up.specs import Wanted
from dcp_cli.up.steps import IDLE_SECONDS, SOUND_SECONDS, Role, Seen, Standing, crashes_in_a_row, pause_seconds
from dcp_pipeline.observe.printable import printable, printable_cell
from dcp_pipeline.setup import Setup

RETRY_SECONDS = 300.0
"""A change that was refused is tried again: what it waits for may have come."""


def log_name(spec: Path, taken: Collection[str]) -> str:
    """What the names of a pipeline's logs begin with: as its file is called, whatever others are called."""
    digest = hashlib.sha256(os.fsencode(spec.absolute())).hexdigest()[:8]
    return next(name for name in (spec.stem, spec.name, f"{spec.stem}-{digest}") if name not in taken)


@dataclass
class Child:
    """A process."""

    pid: int
    role: Role
    generation: int
    log: str
    started: float
    since: float
    ready: bool = False
    metrics: int = 0
    """The port of its metrics, once it has told it."""
    told: float | None = None
    """When it was told to stop."""


@dataclass
class Member:
    """A pipeline; the supervisor alone changes it."""

    name: str
    wanted: Wanted
    setups: dict[int, Setup] = field(default_factory=dict)
    """By generation: the one that runs, and the one that is tried."""
    digests: dict[int, str] = field(default_factory=dict)
    digest: str = ""
    """Of what runs, is tried or was refused."""
    running: str = ""
    """Of what runs."""
    crashed_at: float = 0.0
    current: int = 0
    trial: int | None = None
    tried_since: float = 0.0
    refused_until: float = 0.0
    children: list[Child] = field(default_factory=list)
    crashes: dict[Role, int] = field(default_factory=dict)
    starts_at: dict[Role, float] = field(default_factory=dict)
    restarts: int = 0
    worked_at: float | None = None
    trouble: str = ""
    """Of what runs: why a process ended."""
    refused: str = ""
    """Why the file as it is now does not run."""
    gone: bool = False
    logs: str = ""
    """What the names of its processes' logs begin with; no other pipeline's do."""

    @property
    def newest(self) -> int:
        return self.trial or self.current

    def take_up(self, setup: Setup, digest: str, now: float) -> None:
        """A spec that is new, changed, or is to start again: at once where nothing runs, else on trial."""
        generation = self.newest + 1
        self.setups[generation], self.digests[generation], self.digest = setup, digest, digest
        self.refused, self.refused_until, self.trouble = "", 0.0, ""
        if self.current and self.children:
            self.trial, self.tried_since = generation, now
        else:
            self.accept(generation)

    def accept(self, generation: int) -> None:
        """It holds from now on."""
        self.current, self.trial = generation, None
        self.setups = {generation: self.setups[generation]}
        self.running = self.digests[generation]
        self.crashes, self.starts_at, self.trouble = {}, {}, ""

    def refuse(self, why: str, now: float) -> None:
        """What was tried is not to be; what ran goes on."""
        self.trial, self.refused, self.refused_until = None, why, now + RETRY_SECONDS
        self.setups = {self.current: self.setups[self.current]}

    def try_again(self) -> None:
        """What refused it may be mended, outside of its file: a table, a right, a server."""
        if self.refused and self.trial is None:
            self.refused_until = 0.0
            self.digest = ""

    def crashed(self, child: Child, why: str, now: float) -> float:
        """Note a process that ended by itself; in how many seconds it is started again."""
        count = crashes_in_a_row(self.crashes.get(child.role, 0), now - child.started)
        pause = pause_seconds(count)
        self.crashes[child.role], self.starts_at[child.role] = count, now + pause
        self.restarts += 1
        self.trouble, self.crashed_at = why, now
        return pause

    def calm_down(self, now: float) -> None:
        """What crashed and has run soundly since then is a trouble no more; the count of restarts stays."""
        if self.trouble and now - self.crashed_at > SOUND_SECONDS and self._state() == "running":
            self.trouble = ""

    def standing(self, workers: int | None, now: float) -> Standing:
        """As it is now; `workers` None: one, while there is work."""
        busy = self.worked_at is not None and now - self.worked_at < IDLE_SECONDS
        return Standing(
            children=tuple(
                Seen(each.pid, each.role, each.generation, each.ready, each.told is not None) for each in self.children
            ),
            current=self.current,
            trial=self.trial,
            workers=int(busy) if workers is None else workers,
            gone=self.gone,
            may_start=frozenset(role for role in Role if now >= self.starts_at.get(role, 0.0)),
        )

    def note(self) -> PipelineNote:
        """For the others."""
        return PipelineNote(
            name=printable_cell(self.name),  # a file's, where it is no pipeline
            spec=printable_cell(str(self.wanted.path)),
            state=self._state(),
            generation=self.current,
            restarts=self.restarts,
            processes=tuple(self._processes()),
            trouble=printable(self.refused or self.trouble),
        )

    def _processes(self) -> Iterator[ProcessNote]:
        for each in self.children:
            state = "stopping" if each.told is not None else "running" if each.ready else "starting"
            yield ProcessNote(each.role.value, each.pid, each.log, state, each.since, each.metrics)

    def _state(self) -> str:
        if self.gone:
            return "stopping"
        if not self.current:
            return "broken"
        fetchers = [each for each in self.children if each.role is Role.FETCHER]
        if self.trial or any(each.generation < self.current for each in self.children):
            return "changing"
        if any(each.ready and each.told is None for each in fetchers):
            return "waiting" if self._waits_for(Role.WORKER) else "running"
        return "waiting" if self.crashes.get(Role.FETCHER) else "starting"

    def _waits_for(self, role: Role) -> bool:
        return bool(self.crashes.get(role)) and not any(each.role is role for each in self.children)
