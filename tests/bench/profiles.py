"""Profiles of a run of ours, by py-spy: speedscope files to look at (speedscope.app), and the top of each as a table.

Of a worker's threads all samples count, waiting ones too: most of its work is done by threads of Polars and by the
database while a worker thread waits for them, and what it waits for is what one wants to know. Of the fetcher only
what was running.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.celery_peer import VENV

RATE_HZ = 200
ROWS = 30


class Profiler:
    """Watches the processes of one run until they end: start, then finish."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watching: dict[Path, subprocess.Popen[bytes]] = {}

    def start(self, pids: Mapping[str, int]) -> None:
        """Attach to processes, by component."""
        py_spy = VENV / "bin" / "py-spy"
        assert py_spy.exists(), f"{py_spy} is missing: run make bench-setup"
        self._folder.mkdir(parents=True, exist_ok=True)
        for component, pid in pids.items():
            path = self._folder / f"profile-{component}.json"
            path.unlink(missing_ok=True)
            command = [str(py_spy), "record", "--pid", str(pid), "--rate", str(RATE_HZ), "--threads", "--nonblocking"]
            command += ["--format", "speedscope", "--output", str(path), *(["--idle"] if component == "worker" else [])]
            with path.with_suffix(".log").open("wb") as log:
                self._watching[path] = subprocess.Popen(command, stdout=log, stderr=log)

    def finish(self) -> list[Path]:
        """Once the processes have ended: write FOLDER/profile-COMPONENT.txt beside the .json files; the tables."""
        tables = []
        for path, process in self._watching.items():
            process.wait(120)
            assert path.exists(), path.with_suffix(".log").read_text()
            tables.append(path.with_suffix(".txt"))
            tables[-1].write_text(top(json.loads(path.read_text()), "worker-"))
        return tables


def top(speedscope: dict[str, Any], threads: str) -> str:
    """Where samples were: the frame itself, and with all that it called. Threads so named, else all of them."""
    profiles = [each for each in speedscope["profiles"] if threads in each["name"]] or speedscope["profiles"]
    frames = [_name(each) for each in speedscope["shared"]["frames"]]
    itself: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for profile in profiles:
        for stack, weight in zip(profile["samples"], profile["weights"], strict=True):
            itself[frames[stack[-1]]] += weight
            for frame in {frames[each] for each in stack}:
                within[frame] += weight
    total = sum(itself.values()) or 1
    return f"{_table('itself', itself, total)}\n{_table('with what it calls', within, total)}"


def _name(frame: dict[str, Any]) -> str:
    file = "/".join(Path(frame.get("file") or "?").parts[-3:])
    return f"{frame['name']} ({file}:{frame.get('line', 0)})"


def _table(title: str, counted: Counter[str], total: float) -> str:
    rows: Sequence[tuple[str, float]] = counted.most_common(ROWS)
    return "\n".join([title, *(f"{weight / total:>8.1%}  {name}" for name, weight in rows), ""])
