"""Memory of `dcp up` with idle pipelines: the sum of PSS over all its processes.

scripts/measure_up.py [10] [--empty]      # --empty: where there is nothing to read; else each has read a file
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: {name}}}
spec:
  sources: [{{name: feed, file: {{path: feed}}}}]
  cleaning: {{fields: [{{name: n, type: integer}}], unique: [n]}}
"""
SETTLED_SECONDS = 40
_PATIENCE_SECONDS = 600
_OTHERS = 2
"""The supervisor and the queue."""


def pss_bytes(pid: int) -> int:
    """A process's share of the memory that it holds."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))


def below(pid: int) -> list[int]:
    """The process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:  # it has just ended
        return []
    return [pid, *(each for child in children for each in below(int(child)))]


def settled(pid: int, count: int, empty: bool) -> list[int]:
    """The processes, once the workers have come and gone."""
    idle = count + _OTHERS
    _wait_for(pid, idle if empty else idle + count)
    _wait_for(pid, idle)
    time.sleep(SETTLED_SECONDS)
    return below(pid)


def _wait_for(pid: int, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(found := below(pid)) != count:
        if time.monotonic() > deadline:
            sys.exit(f"{len(found)} processes, and not {count}")
        time.sleep(0.2)


def main(count: int, empty: bool) -> None:
    """Print it."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "feed").mkdir()
        if not empty:
            (Path(name) / "feed" / "a.csv").write_text("n\n1\n")
        for number in range(count):
            (Path(name) / f"p{number}.yaml").write_text(SPEC.format(name=f"p{number}"))
        up = subprocess.Popen([sys.executable, "-m", "dcp_cli", "up", name])
        try:
            sizes = [pss_bytes(pid) for pid in settled(up.pid, count, empty)]
        finally:
            up.terminate()
            up.wait()
    print(f"{count} idle pipelines: {sum(sizes) / 2**20:.0f} MiB ({sum(sizes) / 1e6:.0f} MB) in {len(sizes)} processes")


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    main(numbers[0] if numbers else 10, "--empty" in sys.argv)
