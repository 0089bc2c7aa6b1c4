"""Runs peers/celery_worker.py as a contestant, from its own venv (make bench-setup)."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.arena import Arena, Measured, minus
from bench.ours import LOOK_SECONDS, TABLE, aggregate
from bench.usage import Watched
from support.dcp_process import EXAMPLES
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv-bench"
PEER = Path(__file__).parent / "peers" / "celery_worker.py"


@dataclass(frozen=True)
class CeleryPeer:
    """`processes` prefork children."""

    processes: int = 2
    name: str = "celery"

    def run(self, arena: Arena) -> Measured:
        """The worker waits; then the producer starts. Measured from its first request until no task is left."""
        assert VENV.exists(), f"{VENV} is missing: run make bench-setup"
        for statement in _schema():
            arena.database.execute(statement, "bench")
        worker = self._start_worker(arena)
        producer = Watched(_start(arena, "producer", "python", str(PEER), arena.feed.url))
        started: dict[str, float] = {}
        arena.feed.on_first_fetch = lambda: started.update(_spent(arena, producer, worker))
        ended = _wait_for_the_end(arena, producer, worker)
        spent = _spent(arena, producer, worker)
        peaks = arena.servers_peak() | {"fetcher": producer.peak_mb, "worker": worker.peak_mb}
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, _log(arena, "worker")
        outcome = aggregate(arena.database, TABLE, "rejects")
        assert arena.feed.first_fetch is not None
        return Measured(
            contestant=self.name,
            records=arena.records,
            rows=outcome.rows,
            seconds=ended - arena.feed.first_fetch,
            cpu=minus(spent, started),
            start_cpu={name: started[name] for name in ("fetcher", "worker")},
            peak_mb=peaks,
            outcome=outcome,
        )

    def _start_worker(self, arena: Arena) -> Watched:
        options = ["--concurrency", str(self.processes), "--loglevel", "info", "--pool", "prefork"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        worker = Watched(_start(arena, "worker", "celery", "-A", PEER.stem, "worker", *options, *quiet))
        wait_until(lambda: worker.look() and " ready." in _log(arena, "worker"), "Celery's worker is ready", 60)
        return worker


def _schema() -> tuple[str, ...]:
    """What its author runs once. Read, not imported: Celery is not in this venv."""
    for node in ast.parse(PEER.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "SCHEMA":
            return tuple(ast.literal_eval(node.value))
    raise AssertionError(f"{PEER} has no SCHEMA")


def _start(arena: Arena, name: str, program: str, *arguments: str) -> subprocess.Popen[bytes]:
    database = arena.database
    env = {
        **os.environ,
        "PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(PEER.parent),
        "BROKER_URL": arena.redis.url,
        "DB_HOST": database.host,
        "DB_PORT": str(database.port),
        "DB_USER": database.user,
        "DB_PASSWORD": database.password,
        "DB_NAME": "bench",
        "GEOIP": str(EXAMPLES / "country.mmdb"),
        # Said to Celery of the superuser, who may run this too.
        "C_FORCE_ROOT": "1",
    }
    with (arena.folder / f"celery-{name}.log").open("wb") as log:
        command = [str(VENV / "bin" / program), *arguments]
        return subprocess.Popen(command, env=env, cwd=arena.folder, stdout=log, stderr=log)


def _log(arena: Arena, name: str) -> str:
    return (arena.folder / f"celery-{name}.log").read_text(errors="replace")[-3000:]


def _spent(arena: Arena, producer: Watched, worker: Watched) -> dict[str, float]:
    return arena.servers_cpu() | {"fetcher": producer.cpu_seconds(), "worker": worker.cpu_seconds()}


def _wait_for_the_end(arena: Arena, producer: Watched, worker: Watched) -> float:
    """time.monotonic() when no task was waiting or unacknowledged any more. Only Redis is asked."""
    client = arena.redis.client()
    empty_since: float | None = None
    while True:
        producing = producer.look()
        assert worker.look(), _log(arena, "worker")
        pipeline = client.pipeline(transaction=False)
        pipeline.llen("celery")
        pipeline.hlen("unacked")
        if any(pipeline.execute()):
            empty_since = None
        elif empty_since is None:
            empty_since = time.monotonic()
        if not producing and empty_since is not None:
            assert producer.wait() == 0, _log(arena, "producer")
            return empty_since
        time.sleep(LOOK_SECONDS)
