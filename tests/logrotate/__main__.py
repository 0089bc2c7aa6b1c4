"""`make logrotate`: a writer of 1,000 lines a second, the real logrotate, and a `dcp run` that is killed now and then.

Counted, for each mode: lines written, lines that lie on the disk in the end, rows in the table. What is written but on no
disk was written between copytruncate's copy and its truncation, and is the kernel's.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from support.rotation import MODES, PAD, Rotator, Writer, lines_of, numbers_of
from support.waiting import wait_until

SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: lines}}
spec:
  sources:
    - name: logs
      file: {{path: {log}, growth: append, interval: 500ms, settle: 3s}}
      format: {{type: csv, header: false, labels: [n, pad]}}
  cleaning:
    fields:
      - {{name: n, type: integer}}
      - {{name: pad, constraints: {{pattern: "^{pad}$"}}}}
  sink: {{sql: {{url: "sqlite:///{folder}/lines.db", table: lines}}}}
"""


@dataclass(frozen=True)
class Outcome:
    """What was counted in one mode."""

    mode: str
    written: int
    on_disk: int
    read: int
    twice: int
    missing: int
    kills: int
    verified: bool

    @property
    def right(self) -> bool:
        """Is all that reached the disk in the table, once?"""
        lossless = "copytruncate" in self.mode or self.on_disk == self.written
        # What is written between copy and truncation may have been read all the same.
        return self.verified and not self.twice and not self.missing and lossless


class Runner:
    """`dcp run`, to be killed."""

    def __init__(self, spec: Path) -> None:
        self._spec, self._log = spec, spec.with_suffix(".log").open("ab")
        self._process = self._started()

    def _started(self, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dcp_cli", "run", str(self._spec), *more]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log, cwd=self._spec.parent)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process = self._started()

    def finish(self) -> int:
        """Stop it as a service is stopped, then read what is left."""
        self._process.terminate()
        self._process.wait()
        return self._started("--once").wait()


def play(mode: str, rotations: int, rate: float, kill_every: int, rng: random.Random) -> Outcome:
    """One mode from the first line to the count."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        log = home / "logs" / "app.log"
        log.parent.mkdir()
        writer = Writer(log, rate)
        rotator = Rotator(writer, mode)
        spec = home / "lines.yaml"
        spec.write_text(SPEC.format(log=log, pad=PAD, folder=home))
        runner, kills = Runner(spec), 0
        wait_until(lambda: _rows(home), "the first lines are in the table: what was rotated before is history", 120)
        for rotation in range(rotations):
            time.sleep(1.1 if "dateext" in mode else rng.uniform(0.05, 1.5))
            rotator.rotate()
            if kill_every and rotation % kill_every == kill_every - 1:
                time.sleep(rng.uniform(0, 2))
                runner.kill()
                kills += 1
        time.sleep(1)
        writer.stop()
        time.sleep(4)
        code = runner.finish()
        if code:
            print(spec.with_suffix(".log").read_text()[-3000:])
        return _counted(mode, writer.written, home, kills, spec)


def _rows(home: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{home}/lines.db?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT COUNT(*) FROM lines").fetchone()[0])
    except sqlite3.Error:
        return 0


def _counted(mode: str, written: int, home: Path, kills: int, spec: Path) -> Outcome:
    on_disk = numbers_of(lines_of(home / "logs"))
    with closing(sqlite3.connect(home / "lines.db")) as database:
        rows = [n for (n,) in database.execute("SELECT n FROM lines")]
    verify = [sys.executable, "-m", "dcp_cli", "verify", str(spec)]
    done = subprocess.run(verify, capture_output=True, text=True, cwd=home)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
    missing = len(set(on_disk) - set(rows))
    twice = len(rows) - len(set(rows))
    return Outcome(mode, written, len(on_disk), len(rows), twice, missing, kills, done.returncode == 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rotations", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--kill-every", type=int, default=10, help="rotations; 0: never")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=MODES, action="append")
    asked = parser.parse_args()
    print(f"{'mode':30} {'written':>8} {'on disk':>8} {'read':>8} {'lost':>5} {'twice':>5} {'race':>5} {'kills':>5}")
    wrong = 0
    for mode in asked.mode or MODES:
        out = play(mode, asked.rotations, asked.rate, asked.kill_every, random.Random(asked.seed))
        race = out.written - out.on_disk
        line = f"{mode:30} {out.written:8} {out.on_disk:8} {out.read:8} {out.missing:5} {out.twice:5} {race:5} {out.kills:5}"
        print(line + ("" if out.right else "  WRONG"), flush=True)
        wrong += not out.right
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
