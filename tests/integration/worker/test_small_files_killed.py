"""`dcp run --once` over small files whose identities repeat, killed while many of them are in hand: nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from dcp_pipeline.observe.phases import Phase
from support import killing_run
from support.databases import Database
from support.dcp_process import DcpProcess, dcp

FILES = 320
PATIENCE_SECONDS = 900
SPEC = """
apiVersion: datacleaning.io/v1alpha1
kind: DataCleaningPipeline
metadata: {{name: small}}
spec:
  sources: [{{name: files, file: {{path: "{feed}"}}}}]
  cleaning:
    fields: [{{name: at, type: datetime}}, {{name: n, type: integer, constraints: {{maximum: 9999}}}}, {{name: b}}]
    unique: [at, n]
  sink: {{sql: {{url: "{url}", table: small{password}}}}}
"""
KILLS = ((Phase.CUT, 200), (Phase.INSERTED, 40), (Phase.COMMITTED, 60))
"""In the middle of a group; each run is given what the one before it has left."""


def write_feed(feed: Path) -> tuple[int, set[tuple[str, int]], int]:
    """(records, those that are to be in the table, refused ones): each identity stands in several files."""
    draw, wanted, refused = random.Random(3), set[tuple[str, int]](), 0
    feed.mkdir()
    for number in range(FILES):
        lines = ["at,n,b"]
        for _ in range(5):
            n = draw.randrange(700)
            if draw.random() < 0.03:
                n, refused = n + 10_000, refused + 1
            else:
                wanted.add((f"x{n}", n))
            lines.append(f"2026-01-01T00:00:{n % 60:02}Z,{n},x{n}")
        end = "" if number % 7 == 0 else "\n"
        file = feed / f"{number:04}.csv"
        file.write_text("\n".join(lines) + end)
        os.utime(file, (0, time.time() - 3600))
    return 5 * FILES, wanted, refused


@pytest.mark.timeout(2400)
def test_killed_in_the_middle_of_a_group_nothing_is_lost_or_doubled(database: Database, tmp_path: Path) -> None:
    read, wanted, refused = write_feed(tmp_path / "feed")
    secret = ", password: {secretKeyRef: {name: sink, key: password}}" if database.password else ""
    env = {"DCP_SECRET_SINK_PASSWORD": database.password} if database.password else {}
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(feed=tmp_path / "feed", url=database.url, password=secret))
    program = [sys.executable, killing_run.__file__]
    for phase, nth in KILLS:
        process = DcpProcess(tmp_path, str(spec), phase.value, str(nth), env=env, program=program)
        code = process.wait(PATIENCE_SECONDS)
        assert code == -signal.SIGKILL, f"not killed at {phase}: {code} {process.err()[-2000:]}"
    process = DcpProcess(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
    code = process.wait(PATIENCE_SECONDS)
    assert code == 0, process.err()
    found = database.execute("SELECT b, n FROM small")
    assert (len(found), {(str(b), int(n)) for b, n in found}) == (len(wanted), wanted)
    books = database.execute("SELECT COUNT(*), SUM(`read`), SUM(written), SUM(rejected) FROM dcp_batches")
    assert [int(each) for each in books[0]] == [FILES, read, len(wanted), refused]
    code, verification = dcp(tmp_path, "verify", str(spec), "-o", "json", env=env)
    assert (code, verification.answer()["findings"]) == (0, [])
