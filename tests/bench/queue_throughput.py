"""Jobs per second through the queue: enqueue, claim, acknowledge, by one client. Prints a table; no test.

python tests/bench/queue_throughput.py [--jobs 20000] [--payload 300]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dcp_pipeline.queue import Job, Lease, Queue, connect
from support.redis_server import RunningServer, redis_server, valkey_server


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--payload", type=int, default=300, help="bytes")
    options = parser.parse_args(arguments)
    servers = {
        "Redis, loopback TCP": redis_server(),
        "Redis, AOF everysec": redis_server(appendonly="yes", appendfsync="everysec"),
        "Valkey, unix socket": valkey_server(),
    }
    print(f"{'jobs/s':22}{'enqueue':>10}" + "".join(f"{f'N={n}':>10}" for n in (1, 10, 100)))
    for name, starting in servers.items():
        with starting as server:
            rates = [measure(server, options.jobs // shrink, options.payload, n) for n, shrink in SIZES]
            enqueues = max(enqueue for enqueue, _ in rates)
            print(f"{name:22}{enqueues:10,.0f}" + "".join(f"{drain:10,.0f}" for _, drain in rates))


SIZES = ((1, 4), (10, 1), (100, 1))
"""Jobs claimed by one call, and by how much fewer jobs are measured where each costs a round trip."""


def measure(server: RunningServer, count: int, payload_bytes: int, want: int) -> tuple[float, float]:
    """Jobs enqueued per second in calls of 500, and jobs claimed and acknowledged per second."""
    queue = Queue(connect(server.url), "bench")
    jobs = [Job(f"{n:032x}", bytes(payload_bytes)) for n in range(count)]
    started = time.perf_counter()
    queue.enqueue(jobs)
    enqueued = time.perf_counter()
    done = 0
    leases: tuple[Lease, ...] = ()
    while done < count:
        exchange = queue.exchange("bench", leases, want)
        done += len(exchange.acknowledged)
        leases = exchange.leases
    drained = time.perf_counter()
    queue.drop()
    return count / (enqueued - started), count / (drained - enqueued)


if __name__ == "__main__":
    main()
