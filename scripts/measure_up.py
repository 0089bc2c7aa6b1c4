"""Memory of `dcp up` with idle pipelines: `scripts/measure_up.py [10]` prints the sum of PSS over all its processes."""

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
SETTLED_SECONDS = 20


def pss_bytes(pid: int) -> int:
    """A process's share of the memory that it holds."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))


def below(pid: int) -> list[int]:
    """The process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in below(int(child)))]


def main(count: int) -> None:
    """Print it."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "feed").mkdir()
        (Path(name) / "feed" / "a.csv").write_text("n\n1\n")
        for number in range(count):
            (Path(name) / f"p{number}.yaml").write_text(SPEC.format(name=f"p{number}"))
        up = subprocess.Popen([sys.executable, "-m", "dcp_cli", "up", name])
        try:
            time.sleep(SETTLED_SECONDS + 60)  # the workers have gone
            sizes = [pss_bytes(pid) for pid in below(up.pid)]
        finally:
            up.terminate()
            up.wait()
    print(f"{count} idle pipelines: {sum(sizes) / 2**20:.0f} MiB in {len(sizes)} processes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
