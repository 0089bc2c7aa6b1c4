"""A database that is slowed to a quarter while work arrives steadily: do workers stop growing, and does nothing swing?

    PYTHONPATH=tests python -m bench.slow_sink [--seconds 600] [--per-second 6] [--most 10]

The cluster is that of `make cluster-up`, with `make images images-load`. Each batch takes a worker a third of a second;
the database does as many commits at a time as come, until a trigger of its root user lets them pass one by one, each
taking so long that it can do a quarter of what arrives. After that the trigger goes, and the rest is watched too.
Prints every change of the number of workers with its reason, and how often the direction changed.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from kubernetes import config

from dcp_pipeline.observe.scaling_note import read_note
from e2e.cluster import settings
from e2e.operator.kube import Kube
from e2e.support.forward import kubectl
from e2e.support.stage import Stage, staged, wait_for
from e2e.support.timed_items import Items, items_of, prepare, slow_pipeline

ITEM_SECONDS = 0.3
TICK_SECONDS = 2.0
QUICK_SECONDS, AFTER_SECONDS = 90.0, 120.0
TRIGGER = """CREATE TRIGGER slow BEFORE UPDATE ON dcp_batches FOR EACH ROW BEGIN
DO GET_LOCK('slow', 300); DO SLEEP({seconds}); DO RELEASE_LOCK('slow'); END"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="that the database is slow for")
    parser.add_argument("--per-second", type=float, default=6.0, help="batches that arrive")
    parser.add_argument("--most", type=int, default=10, help="workers")
    options = parser.parse_args(arguments)
    here = settings.read()
    cluster = Kube(config.new_client_from_config(str(here.kubeconfig)), "default")
    with staged(cluster, kubectl(here.kubeconfig), "slow-sink") as stage:
        document = slow_pipeline(stage.kube.namespace, {"minReplicas": 0, "maxReplicas": options.most})
        prepare(stage)
        stage.start(document)
        total = options.per_second * (QUICK_SECONDS + options.seconds + AFTER_SECONDS + 60)
        with items_of(stage, document) as items, arriving(items, options.per_second, round(total)):
            print("--- a quick database", flush=True)
            follow(stage, items, QUICK_SECONDS)
            print("--- a quarter of what arrives", flush=True)
            sql(stage, TRIGGER.format(seconds=4 / options.per_second))
            slow = follow(stage, items, options.seconds)
            sql(stage, "DROP TRIGGER slow")
            print(f"--- quick again; {direction_changes(slow)} changes of direction while it was slow", flush=True)
            follow(stage, items, AFTER_SECONDS)
    return int(direction_changes(slow) > 2)


def sql(stage: Stage, statement: str) -> None:
    client = ("mariadb", "-h127.0.0.1", "-uroot", "-prootsecret", "--delimiter=//", "clean", "-e", statement)
    said = stage.kube.run("mariadb", *client)
    assert not said, said


@contextmanager
def arriving(items: Items, per_second: float, total: int) -> Iterator[None]:
    """Batches come in evenly until the block ends. All are in the ledger before: the slow database does not slow us."""
    over, jobs, each = threading.Event(), items.recorded([ITEM_SECONDS] * total), round(per_second * TICK_SECONDS)

    def feed() -> None:
        while jobs and not over.wait(TICK_SECONDS):
            items.queue.enqueue(jobs[:each])
            del jobs[:each]

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(30)


def follow(stage: Stage, items: Items, seconds: float) -> list[int]:
    """Every number of workers within so many seconds, without repetitions; printed with the reason."""
    begun, seen = time.monotonic(), [stage.replicas() or 0]
    causes: list[str] = []

    def over() -> bool:
        now, note = stage.replicas() or 0, read_note(items.client, items.queue.name)
        cause = note.cause if note else ""
        if now != seen[-1] or (cause == "SinkSaturated" and causes[-1:] != [cause]):
            backlog = items.queue.stats().backlog
            print(f"{time.monotonic() - begun:6.0f} s  {now:3} workers, backlog {backlog:5}  {note and note.reason}")
            sys.stdout.flush()
        if now != seen[-1]:
            seen.append(now)
        causes.append(cause)
        return time.monotonic() - begun >= seconds

    wait_for(over, "the time to be over", seconds + 60)
    return seen


def direction_changes(seen: Sequence[int]) -> int:
    """How often more became fewer, or fewer more."""
    steps = [later > earlier for earlier, later in pairwise(seen)]
    return sum(one != other for one, other in pairwise(steps))


if __name__ == "__main__":
    sys.exit(main())
