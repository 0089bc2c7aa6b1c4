"""CPU of one worker per million records, from claim to commit, beside LOAD DATA of the same cleaned rows.

    python tests/bench/worker_cpu.py [--records 1000000]

Real Redis, real MariaDB with its defaults, all on loopback. The queue is filled first, so that only the worker is
measured; the imports, which a worker pays once, are measured by a worker that finds nothing to do.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pymysql

from support.botnet_feed import Mix, write_feed
from support.dcp_process import DcpProcess, dcp, served, write_spec
from support.mariadb_server import MariaDBServer, mariadb_server
from support.redis_server import redis_server
from support.waiting import wait_until


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    wall_seconds: float
    cpu_seconds: float
    peak_rss_mib: float


def run_worker(folder: Path, spec: Path, env: dict[str, str], until) -> Cost:
    """Start a worker, wait for `until`, end it; what it cost."""
    started = time.monotonic()
    process = DcpProcess(folder, "worker", str(spec), "--health-port", "0", env=env)
    wait_until(lambda: until(process), "the worker is done", within_seconds=900)
    wall = time.monotonic() - started
    process.process.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(process.process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, process.err()[-2000:]
    print(f"  worker: user {usage.ru_utime:.1f} s, system {usage.ru_stime:.1f} s")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def server_cpu(server: MariaDBServer) -> float:
    """CPU seconds of the database so far."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load_data_limit(server: MariaDBServer, folder: Path, database: str) -> tuple[int, float]:
    """(rows, seconds) of LOAD DATA of the rows that the worker wrote, into an empty table of the same shape."""
    server.execute("CREATE TABLE bare LIKE botnet", database)
    outfile = folder / "rows.tsv"
    server.execute(f"SELECT * INTO OUTFILE '{outfile}' CHARACTER SET binary FROM botnet ORDER BY _dcp_id", database)
    with (
        pymysql.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=database,
            local_infile=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        started = time.monotonic()
        rows = cursor.execute(f"LOAD DATA LOCAL INFILE '{outfile}' INTO TABLE bare CHARACTER SET binary")
        connection.commit()
        return rows, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--quoted", action="store_true", help="1 percent quoted fields, as the tests have them")
    parser.add_argument("--batch-bytes", default="1536Ki", help="fetcher.batch.maxBytes")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="dcp-bench-", dir="/tmp") as name,
        mariadb_server() as server,
        redis_server() as queue,
    ):
        folder = Path(name)
        folder.chmod(0o777)
        mix = Mix() if options.quoted else Mix(quoted=0.0)
        write_feed(folder / "feed", options.records, 4, 1, mix, compress_every=0)
        env = {"DCP_SECRET_SINK_PASSWORD": server.password}
        sink = server.create_database("bench")
        with served(folder / "feed") as url:
            spec = write_spec(folder / "spec.yaml", url, sink=sink, redis=queue.url, concurrency=1)
            spec.write_text(spec.read_text().replace("{maxRecords:", f"{{maxBytes: {options.batch_bytes}, maxRecords:"))
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            code, fetcher = dcp(folder, "fetcher", str(spec), "--once", "--health-port", "0", env=env)
            assert code == 0, fetcher.err()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        fetch_cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        def pending() -> int:
            return int(server.execute("SELECT COUNT(*) FROM dcp_batches WHERE state = 'cut'", "bench")[0][0])

        assert pending() > 0
        cpu_before = server_cpu(server)
        busy = run_worker(folder, spec, env, lambda _: pending() == 0)
        database_cpu = server_cpu(server) - cpu_before
        idle = run_worker(folder, spec, env, lambda worker: "worker starts" in worker.err())
        rows, seconds = load_data_limit(server, folder, "bench")
    million = options.records / 1e6
    print(f"records                              {options.records:>12,}")
    print(f"worker CPU-s per million             {(busy.cpu_seconds - idle.cpu_seconds) / million:>12.2f}")
    print(f"  imports and start, once, CPU-s     {idle.cpu_seconds:>12.2f}")
    print(f"fetcher CPU-s per million            {fetch_cpu / million:>12.2f}")
    print(f"database CPU-s per million           {database_cpu / million:>12.2f}")
    print(f"worker records/s, one internal worker{options.records / (busy.wall_seconds - idle.wall_seconds):>12,.0f}")
    print(f"worker peak RSS, MiB                 {busy.peak_rss_mib:>12.0f}")
    print(f"LOAD DATA of the same rows, rows/s   {rows / seconds:>12,.0f}")


if __name__ == "__main__":
    main()
