"""The processes of a schedule: each role is played by one process after the other, until the curtain falls."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import doomed
from chaos.journal import KILL, Entry, last_phase, own_ends, read_journal
from chaos.plan import FETCHER, Doom, Life, Role
from support.clocks import skewed
from support.dcp_process import DcpProcess

_TICK_SECONDS = 0.05
_LEAVE_SECONDS = 120
"""Longer than any grace: who is not gone by then hangs."""


@dataclass(frozen=True)
class Death:
    """How a process ended. `phase` is the last one it reached; `doom`: there it killed itself."""

    role: str
    code: int
    phase: str
    doom: bool


class Actor:
    """Who plays a role: starts the next process when one has ended, unless it is to stay down."""

    def __init__(self, role: Role, spec: Path, folder: Path, env: Mapping[str, str]) -> None:
        self.name, self._lives = role.name, list(role.lives)
        self.spec, self._folder, self._env = spec, folder / role.name, dict(env)
        self._lock = threading.RLock()
        self._down = False
        self._starts = 0
        self._process: DcpProcess | None = None
        self.deaths: list[Death] = []

    def knock_out(self) -> Callable[[], None]:
        """SIGKILL; it stays down until the answer is called."""
        with self._lock:
            self._down = True
            self.signal(signal.SIGKILL)
        return self._revive

    def _revive(self) -> None:
        with self._lock:
            self._down = False

    def signal(self, number: int) -> None:
        """To the process that plays it now, if any does."""
        with self._lock:
            if self._process is not None and self._process.process.poll() is None:
                self._process.process.send_signal(number)

    def tend(self) -> None:
        """Note an end; start the next process."""
        with self._lock:
            if self._process is not None and self._process.process.poll() is not None:
                self._note(self._process.process.returncode)
                self._process = None
            if self._process is None and not self._down:
                self._process = self._start(self._lives.pop(0) if self._lives else Life())

    def ask_to_leave(self) -> None:
        """SIGTERM, as an operator would; to one that is stopped as well."""
        with self._lock:
            self._down = True
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def left(self) -> int:
        """The exit code of who was asked to leave. One that has just begun may not have heard yet how to end."""
        with self._lock:
            if self._process is None:
                return 0
            code = self._process.wait(_LEAVE_SECONDS)
            begun = bool(read_journal(self._journal(self._starts - 1)))
            return code if begun or code != -signal.SIGTERM else 0

    def kill(self) -> None:
        """End it without a word, whatever it does."""
        with self._lock:
            self._down = True
            if self._process is not None:
                self._process.kill()

    def journals(self) -> list[list[Entry]]:
        """Of all its processes, in their order."""
        return [read_journal(self._journal(number)) for number in range(self._starts)]

    def _start(self, life: Life) -> DcpProcess:
        journal = self._journal(self._starts)
        self._starts += 1
        kind = "fetcher" if self.name == FETCHER else "worker"
        doom = [] if life.doom is None else _words(life.doom)
        env = {**self._env, **skewed(life.clock_skew_seconds)}
        program = [sys.executable, doomed.__file__]
        return DcpProcess(self._folder, kind, str(self.spec), str(journal), *doom, env=env, program=program)

    def _journal(self, number: int) -> Path:
        return self._folder / f"journal-{number}"

    def _note(self, code: int) -> None:
        journal = read_journal(self._journal(self._starts - 1))
        own = next((each for each in own_ends([journal]) if each.word == KILL), None)
        phase = own.phase if own else last_phase(journal)
        self.deaths.append(Death(self.name, code, phase, doom=own is not None))


def _words(doom: Doom) -> Sequence[str]:
    return [doom.phase.value, str(doom.nth), doom.how.value, str(doom.seconds)]


class Cast:
    """All actors, tended by a thread."""

    def __init__(self, actors: Sequence[Actor]) -> None:
        self._actors = {each.name: each for each in actors}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="cast", daemon=True)

    def __getitem__(self, name: str) -> Actor:
        return self._actors[name]

    def __iter__(self) -> Iterator[Actor]:
        return iter(self._actors.values())

    def start(self) -> None:
        """Processes are started, and started again, from now on."""
        self._thread.start()

    def heal(self) -> None:
        """Wake who is stopped from outside."""
        for each in self:
            each.signal(signal.SIGCONT)

    def leave(self) -> list[str]:
        """End all as an operator would; what was not as it should be."""
        self._rest()
        for each in self:
            each.ask_to_leave()
        codes = {each.name: each.left() for each in self}
        return [f"{name} ended with {code} when asked to stop" for name, code in codes.items() if code]

    def kill(self) -> None:
        """End all."""
        self._rest()
        for each in self:
            each.kill()

    def _rest(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _tend(self) -> None:
        while not self._over.wait(_TICK_SECONDS):
            for each in self:
                each.tend()


@contextmanager
def on_stage(actors: Sequence[Actor]) -> Iterator[Cast]:
    """A cast that has left when the block ends."""
    cast = Cast(actors)
    cast.start()
    try:
        yield cast
    finally:
        cast.kill()
