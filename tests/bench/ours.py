"""Ours, end to end: feed over HTTP -> dcp fetcher -> Redis -> dcp worker -> MariaDB, as examples/botnet.yaml says."""

from __future__ import annotations

import signal
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from bench.arena import Arena, Measured, Outcome, minus
from bench.usage import Watched
from dcp_pipeline.queue.keys import Keys
from support.dcp_process import DcpProcess, write_spec
from support.mariadb_server import MariaDBServer, free_port
from support.waiting import wait_until

TABLE = "botnet"
LOOK_SECONDS = 0.02
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
        fetcher = Watched(self._start(arena, "fetcher", str(spec), "--once", "--health-port", "0").process)
        self.on_started({"fetcher": fetcher.pid, "worker": workers[0].pid})
        started: dict[str, float] = {}
        arena.feed.on_first_fetch = lambda: started.update(_spent(arena, fetcher, workers))
        ended = _wait_for_the_end(arena, fetcher, workers)
        spent = _spent(arena, fetcher, workers)
        peaks = arena.servers_peak() | {"fetcher": fetcher.peak_mb, "worker": sum(each.peak_mb for each in workers)}
        for worker in workers:
            worker.end()
        outcome = outcome_of(arena.database)
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

    def _start(self, arena: Arena, *arguments: str) -> DcpProcess:
        env = {"DCP_SECRET_SINK_PASSWORD": arena.database.password, **self.environment}
        return DcpProcess(arena.folder, *arguments, env=env)

    def _start_worker(self, arena: Arena, spec: Path) -> _Worker:
        port = free_port()
        process = self._start(arena, "worker", str(spec), "--health-port", str(port))
        worker = _Worker(process)
        wait_until(lambda: worker.ready(port), f"the worker is ready; {process.folder}/worker-*.err", 60)
        return worker


class _Worker(Watched):
    def __init__(self, dcp: DcpProcess) -> None:
        super().__init__(dcp.process)
        self._dcp = dcp

    def ready(self, port: int) -> bool:
        assert self.look(), self._dcp.err()[-3000:]
        with suppress(URLError, ConnectionError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return bool(answer.status == 200)
        return False

    def end(self) -> None:
        self.signal(signal.SIGTERM)
        assert self.wait() == 0, self._dcp.err()[-3000:]


def _spent(arena: Arena, fetcher: Watched, workers: list[_Worker]) -> dict[str, float]:
    ours = {"fetcher": fetcher.cpu_seconds(), "worker": sum(each.cpu_seconds() for each in workers)}
    return arena.servers_cpu() | ours


def _wait_for_the_end(arena: Arena, fetcher: Watched, workers: list[_Worker]) -> float:
    """time.monotonic() of the last acknowledgement, which follows the last commit at once. Only Redis is asked."""
    client = arena.redis.client()
    empty_since: float | None = None
    while True:
        fetching = fetcher.look()
        for worker in workers:
            assert worker.look(), f"a worker has ended by itself; {arena.folder}/worker-*.err"
        pipeline = client.pipeline(transaction=False)
        for key in (QUEUE.ready, QUEUE.scheduled, QUEUE.inflight, QUEUE.dead):
            pipeline.zcard(key)
        ready, scheduled, inflight, dead = pipeline.execute()
        assert not dead, f"{dead} batches are dead"
        if ready or scheduled or inflight:
            empty_since = None
        elif empty_since is None:
            empty_since = time.monotonic()
        if not fetching and empty_since is not None:
            assert fetcher.wait() == 0, f"the fetcher failed; {arena.folder}/fetcher-*.err"
            return empty_since
        time.sleep(LOOK_SECONDS)


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
