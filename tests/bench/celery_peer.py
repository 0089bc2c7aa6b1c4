"""Runs peers/celery_worker.py as a contestant, from its own venv (make bench-setup)."""

from __future__ import annotations

import ast
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.arena import Arena, Measured, Outcome
from bench.course import measure
from bench.ours import TABLE, aggregate
from bench.usage import Watched
from support.dcp_process import EXAMPLES
from support.mariadb_server import MariaDBServer
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
        producer = _start(arena, "producer", "python", str(PEER), arena.feed.url)
        return measure(arena, self.name, producer, [worker], _all_acknowledged, _outcome_of)

    def _start_worker(self, arena: Arena) -> Watched:
        options = ["--concurrency", str(self.processes), "--loglevel", "info", "--pool", "prefork"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        worker = _start(arena, "worker", "celery", "-A", PEER.stem, "worker", *options, *quiet)
        wait_until(lambda: worker.look() and " ready." in worker.said(), "Celery's worker is ready", 60)
        return worker


def _schema() -> tuple[str, ...]:
    """What its author runs once. Read, not imported: Celery is not in this venv."""
    for node in ast.parse(PEER.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "SCHEMA":
            return tuple(ast.literal_eval(node.value))
    raise AssertionError(f"{PEER} has no SCHEMA")


def _start(arena: Arena, name: str, program: str, *arguments: str) -> Watched:
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
    path = arena.folder / f"celery-{name}.log"
    with path.open("wb") as log:
        command = [str(VENV / "bin" / program), *arguments]
        return Watched(subprocess.Popen(command, env=env, cwd=arena.folder, stdout=log, stderr=log), path)


def _all_acknowledged(client: redis.Redis) -> bool:
    pipeline = client.pipeline(transaction=False)
    pipeline.llen("celery")
    pipeline.hlen("unacked")
    return not any(pipeline.execute())


def _outcome_of(database: MariaDBServer) -> Outcome:
    return aggregate(database, TABLE, "rejects")
