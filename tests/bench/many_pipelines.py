"""One operator and a thousand pipelines on a real API server: how long a look takes, what being idle costs, and how soon
a change is out.

    PYTHONPATH=tests python -m bench.many_pipelines [--pipelines 1000] [--seconds 60] [--changes 100]

The cluster is that of `make cluster-up`, with `make images images-load`. The pipelines are paused, so that no pod is
wanted, and each queue has what a busy one has: three workers' signs of life, and a fetcher's report every five seconds.
Workers are wanted on a node that there is not: one machine runs no thousand of them. Prints what it took to make them
all; the figures of an idle minute; how long changed specs, and first batches of queues at zero, took. Exits with 1 where
anything was written for nothing. many_scaled_objects.py does the same to KEDA.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from kubernetes import client, config
from prometheus_client.parser import text_string_to_metric_families

from bench.on_cluster import SERVERS, Followed, Idle, idle, spread_of
from dcp_pipeline.observe.report import Report, Totals, publish
from dcp_pipeline.queue import Job, Queue, WorkerVitals, connect
from e2e.cluster import settings
from e2e.operator.kube import Kube
from e2e.support.botnet import Document, resource
from e2e.support.forward import forwarded, kubectl
from e2e.support.stage import PASSWORD, Stage, staged, wait_for
from support.waiting import wait_until

TOTALS = Totals(read=10, written=9, duplicates=0, rejected=1, filtered=0, dead=0, pending=0)
SIGNS_OF_LIFE_SECONDS = 7200.0
REPORT_SECONDS = 5.0
OPERATOR_MEMORY = "256Mi"
"""As the chart limits it."""


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
    parser.add_argument("--changes", type=int, default=100, help="of specs, and as many first batches")
    options = parser.parse_args(arguments)
    here = settings.read()
    command = kubectl(here.kubeconfig)
    cluster = Kube(config.new_client_from_config(str(here.kubeconfig)), "default")
    with staged(cluster, command, "many", operator_memory=OPERATOR_MEMORY) as stage:
        names = [f"p{number:04}" for number in range(options.pipelines)]
        begun = time.monotonic()
        for name in names:
            stage.kube.apply(paused(stage.kube.namespace, name))
        wait_for(lambda: told(stage) == options.pipelines, "every pipeline to have a status", 1800)
        print(f"{options.pipelines} pipelines, all children made, in {time.monotonic() - begun:.0f} s", flush=True)
        queues = connect(f"redis://127.0.0.1:{stage.queue_port}/0", password=PASSWORD)
        fill(queues, stage.kube.namespace, names)
        reporting = threading.Thread(
            target=report_again, args=(queues, stage.kube.namespace, names, over := threading.Event())
        )
        reporting.start()
        try:
            with forwarded(command, stage.operators.namespace, stage.operator_name, 8080) as port:
                settled(port)
                before = read(port)
                cost = idle(cluster, options.seconds, [account(stage)])
                code = report(options.pipelines, before, read(port), cost, stage)
                changes(stage, queues, names, options.changes)
                return code
        finally:
            over.set()
            reporting.join()


def account(stage: Stage) -> str:
    """The operator's, as the audit log names it."""
    return f"system:serviceaccount:{stage.operators.namespace}:"


def paused(namespace: str, name: str) -> Document:
    """A pipeline that wants no pod."""
    document = resource(namespace, paused=True)
    document["metadata"]["name"] = name
    document["spec"]["sink"]["sql"]["table"] = name
    document["spec"]["worker"]["podTemplate"] = {"nodeSelector": {"datacleaning.io/bench": "nowhere"}}
    return document


def told(stage: Stage) -> int:
    """How many pipelines have a status that says how they scale."""
    found: list[dict[str, Any]] = stage.kube.list("DataCleaningPipeline")
    return sum(bool(each.get("status", {}).get("conditions")) for each in found)


def fill(queues: redis.Redis, namespace: str, names: Sequence[str]) -> None:
    """Give each queue what workers leave there."""
    vitals = WorkerVitals(datetime.now(UTC), 7, 70_000, 1.5, 150_000_000, False, "node", 1, 3.5, 0.7)
    for name in names:
        for worker in range(3):
            Queue(queues, f"{namespace}.{name}").beat(f"{name}-worker-{worker}", vitals, SIGNS_OF_LIFE_SECONDS)


def report_again(queues: redis.Redis, namespace: str, names: Sequence[str], over: threading.Event) -> None:
    """What fetchers and workers tell, each every five seconds, a tenth of them at a time."""
    turn = 0
    while not over.wait(REPORT_SECONDS / 10):
        now = Report(at=time.time(), totals=TOTALS, sources={"sinkhole": None})
        for name in names[turn::10]:
            for component in ("fetcher", "worker"):
                publish(queues, f"{namespace}.{name}", component, now)
        turn = (turn + 1) % 10


def changes(stage: Stage, queues: redis.Redis, names: Sequence[str], count: int) -> None:
    """So many changed specs until the workers' Deployment is another, first batches until a worker is wanted."""
    count = min(count, len(names) // 2)
    apps = client.AppsV1Api(stage.kube.api)
    listed = apps.list_namespaced_deployment
    known = {each.metadata.name: each.metadata.generation for each in listed(stage.kube.namespace).items}

    def change(name: str) -> None:
        stage.kube.patch("DataCleaningPipeline", name, {"spec": {"worker": {"maxAttempts": 9}}})

    def give(name: str) -> None:
        Queue(queues, f"{stage.kube.namespace}.{name}").enqueue([Job("a", b"x")])

    newer = Followed(
        listed, stage.kube.namespace, lambda each: each["metadata"]["generation"] > known[each["metadata"]["name"]]
    )
    print(spread_of("a changed spec, until it is out", names[:count], change, newer, "{}-worker"), flush=True)
    wanted = Followed(listed, stage.kube.namespace, lambda each: each["spec"]["replicas"] > 0)
    print(spread_of("the first batch of a queue at zero, until a worker is wanted", names[-count:], give, wanted,
                    "{}-worker"), flush=True)  # fmt: skip


def settled(port: int) -> None:
    """Wait until what the reports changed is written into every status: no write for 15 s."""
    last = read(port)

    def quiet() -> bool:
        nonlocal last
        now = read(port)
        if now.writes != last.writes:
            last = now
        return now.at - last.at >= 15

    # The page of a thousand pipelines takes the very CPU that is measured.
    wait_until(quiet, "the last write", 600, every_seconds=5)


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


def report(pipelines: int, before: Reading, after: Reading, cost: Idle, stage: Stage) -> int:
    """Print the figures; 1 where something was written."""
    seconds, looks = after.at - before.at, after.looks - before.looks
    print(
        f"{pipelines} pipelines, {seconds:.0f} s with nothing to do: {looks:.0f} looks at all queues, "
        f"{(after.look_seconds - before.look_seconds) / max(looks, 1):.3f} s each on average, all of them ever under "
        f"{after.slowest_bucket:g} s; {100 * (after.cpu_seconds - before.cpu_seconds) / seconds:.1f} % of a core; "
        f"{after.resident_bytes / 2**20:.0f} MiB; {after.writes - before.writes:.0f} writes"
    )
    print(f"as the kubelet counts it: the operator {cost.cost(f'{stage.operators.namespace}/{stage.operator_name}')}; "
          f"Redis {cost.cost(f'{stage.kube.namespace}/redis')}")  # fmt: skip
    tell_servers(cost)
    return int(bool(cost.writes) or after.writes > before.writes)


def tell_servers(cost: Idle) -> None:
    """What the cluster's own servers did meanwhile, and what was written."""
    for name in SERVERS:
        print(f"  {name}: {cost.cost(f'kube-system/{name}')}")
    said = ", ".join(f"{count} {what}" for what, count in cost.writes.most_common()) or "none"
    print(f"writes by the audit log in {cost.seconds:.0f} s: {said}. The host gave {cost.stolen:.0%} of the CPU time to "
          "others.", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
