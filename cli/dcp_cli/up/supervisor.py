"""The supervisor: looks at files, processes and requests, has steps.py decide, and does it. One thread: it forks.

A message of a process wakes it, and a signal; else it looks four times a second.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dcp_cli.embedded import EmbeddedValkey
from dcp_cli.up.children import WORK, begin, fetch, fork, work
from dcp_cli.up.handover import Handover, Kept, hand_over, refusal
from dcp_cli.up.logs import last_words
from dcp_cli.up.member import Child, Member, log_name
from dcp_cli.up.notes import Asked, UpFolder
from dcp_cli.up.specs import SpecFolder, Wanted, renamed
from dcp_cli.up.steps import TRIAL_SECONDS, Accept, Role, Start, Stop, next_steps
from dcp_cli.up.telling import Teller
from dcp_pipeline.errors import in_words
from dcp_pipeline.observe.readiness import METRICS, READY, STOPPING, tell_manager

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
LOOK_SECONDS = 1.0
_EXTRA_GRACE_SECONDS = 15.0
"""A process that was told to stop is killed so long after its own grace."""
_MESSAGE_BYTES = 4096


@dataclass(frozen=True)
class UpOptions:
    """What `dcp up` was asked."""

    workers: int | None = None
    """Worker processes of each pipeline; None: one, while there is work."""
    page: Callable[[], int] | None = None
    page_address: str = ""
    metrics: Callable[[Path], int] | None = None
    """Serves those of all processes, which are told of in this folder."""
    settings: tuple[str, ...] = ()
    """Of --set, for every spec."""


class Supervisor:
    """run() until a signal ends it; every process that it started is gone then."""

    def __init__(
        self,
        specs: SpecFolder,
        folder: UpFolder,
        inbox: socket.socket,
        queue: EmbeddedValkey,
        options: UpOptions,
        environment: Mapping[str, str],
    ) -> None:
        self._specs, self._folder, self._inbox, self._options = specs, folder, inbox, options
        self._queue = queue
        self._members: dict[Path, Member] = {}
        self._runs_beside = _runs_beside(options, folder.path)
        self._beside = {role: Member(role, Wanted(Path(role), "", None)) for role in self._runs_beside}
        self._signals: list[int] = []
        self._looked, self._teller = 0.0, Teller(folder, environment, time.monotonic())
        self._stopping: int | None = None
        self._adopted: list[Kept] = []
        self._upgrading = False

    def take_over(self, workers: Sequence[Kept]) -> None:
        """Workers that the program before started: they go on, and are replaced as after a change."""
        self._adopted = list(workers)

    @property
    def stopped_by(self) -> int | None:
        """The signal that ended it."""
        return self._stopping

    def run(self) -> None:
        """Supervise."""
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, lambda number, _: self._signals.append(number)) for number in numbers}
        woken = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)  # what came since the warm-up is heard now
        try:
            while not self._over():
                self.run_once(time.monotonic())
                ready, _, _ = select.select([reader, self._inbox], [], [], TICK_SECONDS)
                if reader in ready:
                    reader.recv(_MESSAGE_BYTES)
        finally:
            for each in self._everybody():
                self._end_at_once(each)
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()

    def run_once(self, now: float) -> None:
        """One round: hear, look, decide, act, tell."""
        self._hear_signals()
        self._hear_children(now)
        for member in self._everybody():
            self._reap(member, now)
        if self._queue.revive():
            log.error("the embedded queue had ended and begins anew, empty: fetchers put back what was in it")
        if self._stopping is None and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look(now)
            self._take_requests(now)
        for member in self._everybody():
            self._advance(member, now)
            self._kill_the_deaf(member, now)
            member.calm_down(now)
        if self._upgrading and self._stopping is None:
            self._hand_over(now)
        self._members = {path: each for path, each in self._members.items() if not each.gone or each.children}
        self._tell(now)

    def _everybody(self) -> list[Member]:
        return [*self._members.values(), *self._beside.values()]

    def _over(self) -> bool:
        return self._stopping is not None and not any(each.children for each in self._everybody())

    def _hear_signals(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            if number == signal.SIGHUP:
                log.info("SIGHUP: every spec is read anew")
                self._specs.forget()
                for member in self._members.values():
                    member.try_again()
                self._looked = 0.0
                continue
            if self._stopping is None:
                log.info("stopping: every pipeline finishes what is in hand")
                tell_manager(STOPPING)
                self._stopping = number
            for each in self._everybody():
                each.gone = True

    def _hear_children(self, now: float) -> None:
        while True:
            try:
                words = self._inbox.recv(_MESSAGE_BYTES).decode(errors="replace").split("\n")
            except BlockingIOError:
                return
            said = dict(word.partition("=")[::2] for word in words)
            for member in self._everybody():
                for child in member.children:
                    if str(child.pid) == said.get("X_PID"):
                        child.ready = child.ready or READY in words
                        child.metrics = int(said.get(METRICS.rstrip("="), child.metrics))
                        if said.get(WORK.rstrip("="), "0") not in ("", "0"):
                            member.worked_at = now

    def _look(self, now: float) -> None:
        found = self._specs.look()
        for path in self._members.keys() - {each.path for each in found}:
            if not self._members[path].gone:
                log.info("%s is gone: its pipeline ends", path)
                self._members[path].gone = True
        for wanted in found:
            self._meet(wanted, now)
        for path in {Path(each.spec) for each in self._adopted}:
            self._members[path] = self._member(Wanted(path, "", None), now)
            self._members[path].gone = True

    def _meet(self, wanted: Wanted, now: float) -> None:
        if wanted.path not in self._members:
            self._members[wanted.path] = self._member(wanted, now)
        member = self._members[wanted.path]
        wanted = member.wanted = renamed(wanted, member.setups.get(member.current))
        if member.gone:
            return  # until its processes are gone; then the file is new
        if wanted.setup is None:
            problem = wanted.problem or "cannot be used"
            if member.refused != problem:
                goes_on = "; what ran goes on" if member.current else ""
                log.error("%s is not taken up%s: %s", wanted.path, goes_on, problem)
            # Whatever stands there next is a change, unless it is what runs.
            member.refused, member.refused_until, member.digest = problem, 0.0, ""
            return
        member.name = wanted.setup.pipeline.metadata.name
        if member.refused and member.trial is None and wanted.digest == member.running:
            member.refused, member.refused_until, member.digest = "", 0.0, member.running
            return  # it is again what runs
        again = bool(member.refused_until) and now >= member.refused_until
        if wanted.digest == member.digest and not again:
            return
        log.info("%s: %s", wanted.path, "its change is tried" if member.current else "starts")
        member.take_up(wanted.setup, wanted.digest, now)

    def _member(self, wanted: Wanted, now: float) -> Member:
        taken = {each.logs for each in self._everybody()}
        return Member(
            wanted.path.stem, wanted, children=self._kept_of(wanted.path, now), logs=log_name(wanted.path, taken)
        )

    def _hand_over(self, now: float) -> None:
        """Once no fetcher is left, become the new program."""
        everyone = [(each, child) for each in self._everybody() for child in each.children]
        others = [child for _, child in everyone if child.role is not Role.WORKER]
        if others:
            _stop(others, now)
            return
        workers = tuple(
            Kept(str(each.wanted.path), child.pid, child.log, child.since)
            for each, child in everyone
            if child.told is None and child.ready and child.generation <= each.current
        )
        pid, folder = self._queue.running
        log.info("upgrade: the new program takes over %d workers and the queue", len(workers))
        hand_over(self._folder.path, Handover(os.getpid(), pid, str(folder), workers))

    def _kept_of(self, path: Path, now: float) -> list[Child]:
        mine = [each for each in self._adopted if each.spec == str(path)]
        self._adopted = [each for each in self._adopted if each not in mine]
        return [Child(each.pid, Role.WORKER, 0, each.log, now, each.since, ready=True) for each in mine]

    def _take_requests(self, now: float) -> None:
        for asked in self._folder.asked():
            if not asked.upgrade:
                self._restart(asked, now)
            elif why := refusal():
                log.error("no upgrade: the program that lies there now does not start: %s; what runs goes on", why)
            else:
                log.info("upgrade: fetchers end, workers go on meanwhile")
                self._upgrading = True

    def _restart(self, asked: Asked, now: float) -> None:
        for member in self._members.values():
            if asked.restart in ("", member.name) and member.wanted.setup is not None and not member.gone:
                log.info("%s is replaced, as asked", member.name)
                member.take_up(member.wanted.setup, member.wanted.digest, now)

    def _reap(self, member: Member, now: float) -> None:
        for child in list(member.children):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            member.children.remove(child)
            if child.told is None:
                self._ended(member, child, os.waitstatus_to_exitcode(status), now)

    def _ended(self, member: Member, child: Child, code: int, now: float) -> None:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        why = f"{child.role} ended by itself ({how}): {self._last_words(child)}"
        if child.generation == member.trial:
            _refuse(member, why, now)
            return
        pause = member.crashed(child, why, now)
        log.error("%s: %s; started again in %.0f s", member.name, why, pause)

    def _last_words(self, child: Child) -> str:
        try:
            with (self._folder.logs / child.log).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _MESSAGE_BYTES))
                return last_words(file.read().decode(errors="replace"))
        except OSError as error:
            return in_words(error)

    def _advance(self, member: Member, now: float) -> None:
        if (role := next((role for role, each in self._beside.items() if each is member), None)) is not None:
            self._advance_beside(role, now)
            return
        if not member.current and not member.gone:
            return
        if member.trial is not None and now - member.tried_since > TRIAL_SECONDS:
            tried = [each for each in member.children if each.generation == member.trial]
            why = f"not ready within {TRIAL_SECONDS:.0f} s: {self._last_words(tried[0]) if tried else 'no process'}"
            _refuse(member, why, now)
            _stop(tried, now)
        if self._upgrading:
            return
        for step in next_steps(member.standing(self._options.workers, now)):
            match step:
                case Accept(generation):
                    log.info("%s: the change is taken up", member.name)
                    member.accept(generation)
                    member.worked_at = now
                case Stop(pid):
                    _stop([each for each in member.children if each.pid == pid], now)
                case Start(role, generation):
                    self._start(member, role, generation, now)

    def _advance_beside(self, role: Role, now: float) -> None:
        member = self._beside[role]
        if member.gone:
            _stop(member.children, now)
        elif not self._upgrading and not member.children and now >= member.starts_at.get(role, 0.0):
            self._add(member, role, 0, self._runs_beside[role], now, f"{role}.log")

    def _start(self, member: Member, role: Role, generation: int, now: float) -> None:
        setup = member.setups[generation]
        shared_queue = self._folder.path if setup.pipeline.spec.queue.redis is None else None

        def run() -> int:
            begun = begin(setup, self._folder.logs / child_log, self._queue.url, f"{role}-{generation}")
            if role is not Role.FETCHER:
                return work(begun)
            metrics = self._options.metrics is not None
            return fetch(begun, member.wanted.path, shared_queue, metrics=metrics, together=self._folder.path)

        child_log = self._log_of(member, role)
        self._add(member, role, generation, run, now, child_log)

    def _log_of(self, member: Member, role: Role) -> str:
        """The file of a process: of workers the first number that no other has."""
        taken = {each.log for each in member.children}
        names = (f"{member.logs}.{role}{number or ''}.log" for number in range(len(taken) + 1))
        return next(name for name in names if name not in taken)

    def _add(
        self,
        member: Member,
        role: Role,
        generation: int,
        run: Callable[[], int],
        now: float,
        log_name: str,
    ) -> None:
        pid = fork(run, self._folder.logs / log_name, self._inbox.getsockname())
        member.children.append(Child(pid, role, generation, log_name, now, time.time()))

    def _kill_the_deaf(self, member: Member, now: float) -> None:
        for child in member.children:
            grace = member.setups[child.generation].grace_seconds if child.generation in member.setups else 25.0
            if child.told is not None and now - child.told > grace + _EXTRA_GRACE_SECONDS:
                log.error("%s: %s %d does not stop, and is killed", member.name, child.role, child.pid)
                os.kill(child.pid, signal.SIGKILL)

    def _end_at_once(self, member: Member) -> None:
        for child in member.children:
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)

    def _tell(self, now: float) -> None:
        shown = self._beside.get(Role.PAGE)
        page = self._options.page_address if shown is not None and shown.children else ""
        self._teller.tell([each.note() for each in self._members.values()], page, now)


def _runs_beside(options: UpOptions, folder: Path) -> dict[Role, Callable[[], int]]:
    """What is asked for beside the pipelines."""
    runs: dict[Role, Callable[[], int]] = {}
    if options.page:
        runs[Role.PAGE] = options.page
    if serve := options.metrics:
        runs[Role.METRICS] = lambda: serve(folder)
    return runs


def _refuse(member: Member, why: str, now: float) -> None:
    member.refuse(f"the change is not taken up, what ran goes on: {why}", now)
    log.error("%s: %s", member.name, member.refused)


def _stop(children: Iterable[Child], now: float) -> None:
    """They are children of this process: until they are reaped, their numbers cannot be others'."""
    for child in children:
        if child.told is None:
            child.told = now
            os.kill(child.pid, signal.SIGTERM)
