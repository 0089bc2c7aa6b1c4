"""Steps of a long job: what is being done, how far, for how long, and where it is written down."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TAIL_LINES = 40
TICK_SECONDS = 15.0


class ClusterError(Exception):
    """Something a person has to do, or a step that failed; the message says what and where the log is."""


@dataclass
class Steps:
    """Numbers and times the steps of one command; each step's output goes to its own file in `logs`."""

    total: int
    logs: Path
    done: int = 0
    _log: Path | None = field(default=None, repr=False)

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[None]:
        """Announce step `name`, tick while it runs, and print its seconds. Raises what the body raises."""
        self.done += 1
        self.logs.mkdir(parents=True, exist_ok=True)
        self._log = self.logs / f"{name}.log"
        self._log.write_text("")
        say(f"[{self.done}/{self.total}] {what}")
        started = time.monotonic()
        with _ticking(started):
            yield
        say(f"[{self.done}/{self.total}] done in {time.monotonic() - started:.1f} s")

    def skip(self, what: str, steps: int = 1) -> None:
        self.done += steps
        say(f"[{self.done}/{self.total}] {what}: already there")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        text: str | None = None,
        within_seconds: float = 3600,
    ) -> None:
        """Run one command into this step's log; `env` is added to the environment.

        Raises ClusterError with the end of the log when the command fails or takes longer than within_seconds.
        """
        assert self._log is not None, "run() belongs inside step()"
        with self._log.open("a") as log:
            log.write(f"$ {' '.join(str(part) for part in command)}\n")
            log.flush()
            try:
                code = subprocess.run(
                    [str(part) for part in command],
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    input=text,
                    text=True,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=within_seconds,
                ).returncode
            except subprocess.TimeoutExpired:
                code = -1
                log.write(f"not finished after {within_seconds:.0f} s\n")
        if code != 0:
            raise ClusterError(f"{command[0]} failed ({code}); {self._log} ends:\n{tail(self._log)}")


def output(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    within_seconds: float = 60,
) -> str:
    """What a command prints. Raises ClusterError with its error output when it fails or hangs."""
    words = [str(part) for part in command]
    try:
        ran = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=within_seconds,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{' '.join(words)}: no answer in {within_seconds:.0f} s") from error
    if ran.returncode != 0:
        raise ClusterError(f"{' '.join(words)} failed ({ran.returncode}):\n{ran.stderr or ran.stdout}")
    return ran.stdout


def succeeds(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, within_seconds: float = 20
) -> bool:
    """Whether a command ends well; one that is missing or hangs does not."""
    try:
        output(command, env=env, within_seconds=within_seconds)
    except ClusterError:
        return False
    return True


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _ticking(started: float) -> Iterator[None]:
    """Show that a silent step is alive, in a terminal and in a CI log alike."""
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(TICK_SECONDS):
            say(f"      ... {time.monotonic() - started:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        ended.set()
        ticker.join()
