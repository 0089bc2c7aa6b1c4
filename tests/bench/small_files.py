"""What many small files cost: `dcp run --once` on a folder of files of five records, then a second look, then `verify`.

    PYTHONPATH=tests python -m bench.small_files [--files 2000 20000] [--mariadb]

CPU seconds are of that process alone; the embedded queue's and the database's come on top.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.history import Cost, cost_of, told
from support.mariadb_server import shared_mariadb

SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: past}
spec:
  sources: [{name: files, file: {path: FOLDER}}]
  cleaning:
    fields: [{name: at, type: datetime}, {name: a, type: integer}, {name: b, type: string}]
    unique: [at, a]
"""


def main() -> None:
    """Print a line for each number of files and command."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--files", type=int, nargs="+", default=[2000, 20_000, 100_000])
    asked.add_argument("--mariadb", action="store_true")
    given = asked.parse_args()
    for files in given.files:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            environment = dict(os.environ) | {"LOG_LEVEL": "warning"}
            if given.mariadb:
                database = stack.enter_context(shared_mariadb().database())
                environment |= {"DCP_SINK_URL": database.url} | {"DCP_SINK_PASSWORD": database.password or ""}
            play(Path(folder), files, environment)


def play(folder: Path, files: int, environment: dict[str, str]) -> None:
    """One number of files. Fails where a command does: books that do not balance are no figure."""
    feed = folder / "feed"
    feed.mkdir()
    (folder / "past.yaml").write_text(SPEC.replace("FOLDER", str(feed)))
    nothing = cost_of(folder, environment, "run", "past.yaml", "--once")
    for number in range(files):
        rows = "".join(f"2026-01-01T00:00:{row:02}Z,{5 * number + row},x{number}\n" for row in range(5))
        file = feed / f"{number:07}.csv"
        file.write_text("at,a,b\n" + rows)
        os.utime(file, (0, time.time() - 3600))  # settled long ago
    first = cost_of(folder, environment, "run", "past.yaml", "--once")
    print(f"{files:,} files: {told(first)}: {per_file(first, nothing, files)}", flush=True)
    for command in (("run", "past.yaml", "--once"), ("verify", "past.yaml")):
        print(f"  {' '.join(command):<30} {told(cost_of(folder, environment, *command))}", flush=True)


def per_file(cost: Cost, nothing: Cost, files: int) -> str:
    """Without what a run costs that finds nothing."""
    seconds, cpu = cost.seconds - nothing.seconds, cost.cpu_seconds - nothing.cpu_seconds
    return f"{files / max(seconds, 1e-9):,.0f} files/s, {1000 * cpu / files:.1f} CPU-ms each"


if __name__ == "__main__":
    main()
