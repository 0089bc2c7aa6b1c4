"""Ours, end to end: feed over HTTP -> dcp fetcher -> Redis -> dcp worker -> MariaDB, as examples/botnet.yaml says."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import redis

from bench.arena import Arena, Measured, Outcome
from bench.course import measure
from bench.usage import Watched
from dcp_pipeline.queue.keys import Keys
from support.dcp_process import DcpProcess, write_spec
from support.mariadb_server import MariaDBServer, free_port
from support.waiting import wait_until

TABLE = "botnet"
QUEUE = Keys("default.botnet")


@dataclass(frozen=True)
class Ours:
    """`processes` workers of `concurrency` internal ones each."""

    processes: int = 1
    concurrency: int = 2
    batch_bytes: str | None = None
    edits: tuple[tuple[str, str], ...] = ()
    """Of the spec: what stands in it, and what is to stand there instead."""
    environment: Mapping[str, str] = field(default_factory=dict)
    on_started: Callable[[Mapping[str, int]], None] = lambda pids: None
    """Told the processes, by component: for profilers."""
    name: str = "ours"

    def run(self, arena: Arena) -> Measured:
        """The workers wait; then the fetcher starts. Measured from its first request to the last acknowledgement."""
        spec = self._spec(arena)
        workers = [self._start_worker(arena, spec) for _ in range(self.processes)]
        fetcher = self._start(arena, "fetcher", str(spec), "--once", "--health-port", "0")
        self.on_started({"fetcher": fetcher.pid, "worker": workers[0].pid})
        return measure(arena, self.name, fetcher, workers, _all_acknowledged, outcome_of)

    def _spec(self, arena: Arena) -> Path:
        sink = arena.database.url(database="bench")
        path = write_spec(
            arena.folder / "spec.yaml", arena.feed.url, sink=sink, redis=arena.redis.url, concurrency=self.concurrency
        )
        size = (("{maxRecords:", f"{{maxBytes: {self.batch_bytes}, maxRecords:"),) if self.batch_bytes else ()
        text = path.read_text()
        for before, after in (*size, *self.edits):
            assert before in text, f"the spec has no {before!r}"
            text = text.replace(before, after)
        path.write_text(text)
        return path

    def _start(self, arena: Arena, *arguments: str) -> Watched:
        env = {"DCP_SECRET_SINK_PASSWORD": arena.database.password, **self.environment}
        dcp = DcpProcess(arena.folder, *arguments, env=env)
        return Watched(dcp.process, dcp.err_path)

    def _start_worker(self, arena: Arena, spec: Path) -> Watched:
        port = free_port()
        worker = self._start(arena, "worker", str(spec), "--health-port", str(port))
        wait_until(lambda: _is_ready(worker, port), "the worker is ready", 60)
        return worker


def _is_ready(worker: Watched, port: int) -> bool:
    assert worker.look(), worker.said()
    with suppress(URLError, ConnectionError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        return bool(answer.status == 200)
    return False


def _all_acknowledged(client: redis.Redis) -> bool:
    """A batch's acknowledgement follows its commit at once."""
    pipeline = client.pipeline(transaction=False)
    for key in (QUEUE.ready, QUEUE.scheduled, QUEUE.inflight, QUEUE.dead):
        pipeline.zcard(key)
    *living, dead = pipeline.execute()
    assert not dead, f"{dead} batches are dead"
    return not any(living)


def outcome_of(database: MariaDBServer) -> Outcome:
    """The books of a database that ours wrote. Raises AssertionError where they do not balance."""
    pending = database.execute("SELECT COUNT(*) FROM dcp_batches WHERE state <> 'done'", "bench")
    assert pending[0][0] == 0, "not all batches are done"
    totals = "SUM(`read`), SUM(written), SUM(written + duplicates + rejected + filtered)"
    read, written, settled = database.execute(f"SELECT {totals} FROM dcp_batches", "bench")[0]
    outcome = aggregate(database, TABLE, "dcp_rejects")
    assert (read, written) == (settled, outcome.rows), "the books do not balance"
    return outcome


def aggregate(database: MariaDBServer, table: str, rejects: str) -> Outcome:
    """Counts and checksums of the rows and of the rejects."""
    identity = "seen_at, src_ip, COALESCE(dst_ip, '-'), family, COALESCE(src_country, '-')"
    rows = f"SELECT COUNT(*), SUM(CRC32(CONCAT_WS('|', {identity}))), COUNT(src_port) FROM {table}"
    count, checksum, ports = database.execute(rows, "bench")[0]
    assert ports == count, f"{count - ports} rows without their port"
    refused = database.execute(f"SELECT COUNT(*), SUM(CRC32(raw)) FROM {rejects}", "bench")[0]
    return Outcome(int(count), int(checksum or 0), int(refused[0]), int(refused[1] or 0))
