"""One operator and a thousand pipelines on a real API server: how long a look takes, and what being idle costs.

    PYTHONPATH=tests python -m bench.many_pipelines [--pipelines 1000] [--seconds 60]

The cluster is that of `make cluster-up`, with `make images images-load`. The pipelines are paused, so that no pod is
wanted, and each queue has what a busy one has: two reports and three workers' signs of life. Prints what it took to
make them all, then the figures of an idle minute; exits with 1 where anything was written in it.
"""

from __future__ import annotations

import argparse
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from kubernetes import config
from prometheus_client.parser import text_string_to_metric_families

from dcp_pipeline.observe.report import Report, Totals, publish
from dcp_pipeline.queue import Queue, WorkerVitals, connect
from e2e.cluster import settings
from e2e.operator.kube import Kube
from e2e.support.botnet import Document, resource
from e2e.support.forward import forwarded, kubectl
from e2e.support.stage import PASSWORD, Stage, staged, wait_for

TOTALS = Totals(read=10, written=9, duplicates=0, rejected=1, filtered=0, dead=0, pending=0)
SIGNS_OF_LIFE_SECONDS = 7200.0


@dataclass(frozen=True)
class Reading:
    """The operator's own metrics at a moment."""

    at: float
    looks: float
    look_seconds: float
    slowest_bucket: float
    """Upper end of the histogram's last bucket in use, in seconds."""
    cpu_seconds: float
    resident_bytes: float
    writes: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="that nothing happens in")
    options = parser.parse_args(arguments)
    here = settings.read()
    command = kubectl(here.kubeconfig)
    cluster = Kube(config.new_client_from_config(str(here.kubeconfig)), "default")
    with staged(cluster, command, "many", operator_memory="512Mi") as stage:
        begun = time.monotonic()
        for number in range(options.pipelines):
            stage.kube.apply(paused(stage.kube.namespace, f"p{number:04}"))
        wait_for(lambda: told(stage) == options.pipelines, "every pipeline to have a status", 1800)
        print(f"{options.pipelines} pipelines, all children made, in {time.monotonic() - begun:.0f} s", flush=True)
        fill(stage, options.pipelines)
        with forwarded(command, stage.operators.namespace, stage.operator_name, 8080) as port:
            settled(port)
            before = read(port)
            wait_for(lambda: time.monotonic() - before.at >= options.seconds, "the idle minute", options.seconds + 60)
            return report(options.pipelines, before, read(port))


def paused(namespace: str, name: str) -> Document:
    """A pipeline that wants no pod."""
    document = resource(namespace, paused=True)
    document["metadata"]["name"] = name
    document["spec"]["sink"]["sql"]["table"] = name
    return document


def told(stage: Stage) -> int:
    """How many pipelines have a status that says how they scale."""
    found: list[dict[str, Any]] = stage.kube.list("DataCleaningPipeline")
    return sum(bool(each.get("status", {}).get("conditions")) for each in found)


def fill(stage: Stage, count: int) -> None:
    """Give each queue what pods leave there."""
    client: redis.Redis = connect(f"redis://127.0.0.1:{stage.queue_port}/0", password=PASSWORD)
    vitals = WorkerVitals(datetime.now(UTC), 7, 70_000, 1.5, 150_000_000, False, "node", 1, 3.5, 0.7)
    # From the future: a report that grows old changes what the status says, which is a write.
    report = Report(at=time.time() + SIGNS_OF_LIFE_SECONDS, totals=TOTALS, sources={"sinkhole": None})
    for number in range(count):
        queue = Queue(client, f"{stage.kube.namespace}.p{number:04}")
        for component in ("fetcher", "worker"):
            publish(client, queue.name, component, report)
        for worker in range(3):
            queue.beat(f"p{number:04}-worker-{worker}", vitals, SIGNS_OF_LIFE_SECONDS)
    client.close()


def settled(port: int) -> None:
    """Wait until what the reports changed is written into every status: no write for 15 s."""
    last = read(port)

    def quiet() -> bool:
        nonlocal last
        now = read(port)
        if now.writes != last.writes:
            last = now
        return now.at - last.at >= 15

    wait_for(quiet, "the last write", 600)


def read(port: int) -> Reading:
    """From /metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]

    def total(name: str) -> float:
        return sum(each.value for each in samples if each.name == name)

    looks = "dcp_operator_look_seconds"
    count = total(f"{looks}_count")
    full = [float(each.labels["le"]) for each in samples if each.name == f"{looks}_bucket" and each.value == count]
    return Reading(
        at=time.monotonic(),
        looks=count,
        look_seconds=total(f"{looks}_sum"),
        slowest_bucket=min(full),
        cpu_seconds=total("process_cpu_seconds_total"),
        resident_bytes=total("process_resident_memory_bytes"),
        writes=total("dcp_operator_api_writes_total"),
    )


def report(pipelines: int, before: Reading, after: Reading) -> int:
    """Print the figures; 1 where something was written."""
    seconds, looks = after.at - before.at, after.looks - before.looks
    writes = after.writes - before.writes
    print(
        f"{pipelines} pipelines, {seconds:.0f} s with nothing to do: {looks:.0f} looks at all queues, "
        f"{(after.look_seconds - before.look_seconds) / max(looks, 1):.3f} s each on average, all of them ever under "
        f"{after.slowest_bucket:g} s; {100 * (after.cpu_seconds - before.cpu_seconds) / seconds:.1f} % of a core; "
        f"{after.resident_bytes / 2**20:.0f} MiB; {writes:.0f} writes"
    )
    return int(writes > 0)


if __name__ == "__main__":
    sys.exit(main())
