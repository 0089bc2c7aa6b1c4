"""From a worker's process start to its first claimed batch: what scaling from zero waits for, after the container is up.

    PYTHONPATH=tests python -m bench.cold_start [--runs 10] [--imports]

Real Redis, MariaDB with its defaults, batches waiting. `python -m dcp_worker`, as the image runs it, and `dcp worker`,
alternating; each is killed as soon as it has claimed. --imports lists the imports that take longest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from bench.arena import Arena, Arenas
from bench.feed import feed_folder
from bench.ours import QUEUE
from bench.usage import Watched
from support.dcp_process import DcpProcess, dcp, write_spec
from support.mariadb_server import free_port
from support.waiting import wait_until

BUILD = Path(__file__).parents[2] / "build"
PROGRAMS = {"python -m dcp_worker": ["dcp_worker"], "dcp worker": ["dcp_cli", "worker"]}
RECORDS_PER_BATCH = 100
_LONG_LEASE = "  queue: {lease: 1h, redis:"


@dataclass(frozen=True)
class Start:
    """Seconds after the process was started."""

    imported: float
    """Spec and settings read, everything imported: the worker says that it starts."""
    claimed: float
    cpu_seconds: float


def measure(arena: Arena, spec: Path, program: list[str]) -> Start:
    """Start a worker and kill it when a batch has left the waiting ones."""
    client = arena.redis.client()
    waiting = client.zcard(QUEUE.ready)
    assert waiting, "no batch is waiting"
    env = {
        "DCP_SECRET_SINK_PASSWORD": arena.database.password,
        "HEALTH_HOST": "127.0.0.1",
        "HEALTH_PORT": str(free_port()),
        "LOG_FORMAT": "json",
    }
    began = time.time()
    process = DcpProcess(arena.folder, str(spec), env=env, program=[sys.executable, "-m", *program])
    worker = Watched(process.process, process.err_path)
    wait_until(lambda: client.zcard(QUEUE.ready) < waiting, f"a claim; {process.err_path}", 120, every_seconds=0.001)
    claimed, spent = time.time() - began, worker.cpu_seconds()
    process.process.kill()
    worker.wait()
    return Start(_said_it_starts(process.err()) - began, claimed, spent)


def _said_it_starts(log: str) -> float:
    """When, as a Unix time."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    stamp = next(line["@timestamp"] for line in lines if line["message"] == "worker starts")
    return datetime.fromisoformat(stamp).timestamp()


@contextmanager
def batches_waiting(count: int) -> Iterator[tuple[Arena, Path]]:
    """An arena whose queue holds at least so many batches, and the spec that cuts and cleans them."""
    records = RECORDS_PER_BATCH * count
    with tempfile.TemporaryDirectory(prefix="dcp-bench-") as name:
        folder = Path(name)
        with Arenas(folder, feed_folder(BUILD / "bench", records), records).arena() as arena:
            spec = write_spec(
                arena.folder / "spec.yaml",
                arena.feed.url,
                sink=arena.database.url(database="bench"),
                redis=arena.redis.url,
                max_records=RECORDS_PER_BATCH,
            )
            # A killed worker's batch stays away, so that what leaves the waiting ones is a claim.
            spec.write_text(spec.read_text().replace("  queue: {redis:", _LONG_LEASE))
            env = {"DCP_SECRET_SINK_PASSWORD": arena.database.password}
            code, fetcher = dcp(arena.folder, "fetcher", str(spec), "--once", "--health-port", "0", env=env)
            assert code == 0, fetcher.err()
            yield arena, spec


def slow_imports(count: int = 25) -> Iterator[str]:
    """The packages whose own modules take longest to import, and for how long."""
    code = "import dcp_pipeline.setup, dcp_worker.process"
    log = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    spent: dict[str, int] = defaultdict(int)
    for line in log.stderr.splitlines()[1:]:
        own, _, name = line.removeprefix("import time:").split("|")
        spent[name.strip().split(".")[0]] += int(own)
    for package in sorted(spent, key=lambda each: -spent[each])[:count]:
        yield f"{package:24}{spent[package] / 1000:8.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.cold_start", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--imports", action="store_true")
    options = parser.parse_args()
    # What is not compiled yet is so once, by the first run, which is not counted. Images are compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    starts: dict[str, list[Start]] = {name: [] for name in PROGRAMS}
    with batches_waiting(2 * len(PROGRAMS) * 3 * (options.runs + 1)) as (arena, spec):
        for number in range(options.runs + 1):
            for name, program in PROGRAMS.items():
                start = measure(arena, spec, program)
                if number:
                    starts[name].append(start)
    for name, measured in starts.items():
        claimed = [each.claimed for each in measured]
        print(
            f"{name:24} first claim after {median(claimed):.2f} s (median of {len(measured)}; "
            f"{min(claimed):.2f} to {max(claimed):.2f}), of which until all is imported "
            f"{median(each.imported for each in measured):.2f} s; CPU {median(each.cpu_seconds for each in measured):.2f} s"
        )
    if options.imports:
        print("\n".join(slow_imports()))


if __name__ == "__main__":
    main()
