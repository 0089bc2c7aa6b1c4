"""One operator and thousands of idle pipelines in hundreds of namespaces, beside the small API server of the fault tests.

    PYTHONPATH=tests python -m bench.idle_pipelines [--pipelines 10000] [--namespaces 500] [--servers 1] [--seconds 30]
        [--changes 100]

No cluster: the children are there already, as the operator makes them, and the queues are on a real Redis, in as many
of its databases as there are to be servers. Each pipeline's fetcher reports every five seconds, as real ones do. The
operator is a process of its own. Prints what it took until every pipeline had its status; with nothing to do: CPU
seconds, memory, the time between two looks at all queues, writes; and how soon changed specs, and the first batch of a
queue at zero, were carried out. Exits with 1 where anything was written for nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import random
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from dcp_operator.apply import _sent
from dcp_operator.children.children import Wanted, children_of
from dcp_operator.children.judge import to_seen
from dcp_operator.children.secret_refs import all_refs
from dcp_operator.ground.names import SCALER_FIELD_MANAGER, Owner
from dcp_operator.ground.settings import PodSettings
from dcp_pipeline.observe.report import Report, Totals, report_key
from dcp_pipeline.queue import Job, Queue, connect
from dcp_pipeline.spec.parse import pipeline_of
from support.kube_api.objects import _owner_of_replicas
from support.kube_api.server import ApiServer, serving
from support.mariadb_server import free_port
from support.pipelines import resource
from support.redis_server import redis_server

PIPELINES = "datacleaningpipelines"
SECRETS = (("feed", "key"), ("mariadb", "password"))
TOTALS = Totals(read=10, written=9, duplicates=0, rejected=1, filtered=0, dead=0, pending=0)
PODS = PodSettings("fetcher:1", "worker:1")


@dataclass(frozen=True)
class Reading:
    """The operator at a moment."""

    at: float
    cpu_seconds: float
    resident_bytes: int
    looks: float
    look_seconds: float
    writes: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=10_000)
    parser.add_argument("--namespaces", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0, help="that nothing happens in")
    parser.add_argument("--servers", type=int, default=1, help="databases of Redis that the queues are in")
    parser.add_argument("--changes", type=int, default=100, help="of specs, and as many first batches")
    parser.add_argument("--profile", help="a file for cProfile's figures of the operator")
    options = parser.parse_args(arguments)
    return asyncio.run(measure(options))


async def measure(options: argparse.Namespace) -> int:
    databases = {"databases": str(options.servers + 1)}
    with redis_server(**databases) as redis, tempfile.TemporaryDirectory(prefix="dcp-bench-") as folder:
        async with serving() as server:
            every = [Place.of(number, options, redis.url) for number in range(options.pipelines)]
            for each in every:
                seed(server, each.redis, each.namespace, each.name)
            server.objects.history.clear()
            server.objects.keeps_history = False
            reporting = asyncio.create_task(asyncio.to_thread(reports, every, stop := threading.Event()))
            port = free_port()
            process = await start(server, Path(folder), port, options.profile)
            try:
                begun = time.monotonic()
                while told(server) < options.pipelines:  # noqa: ASYNC110
                    await asyncio.sleep(1)
                took = time.monotonic() - begun
                first = await quiet(port)
                print(f"{options.pipelines} pipelines in {options.namespaces} namespaces: all statuses written after "
                      f"{took:.0f} s, {first.cpu_seconds:.0f} CPU-s in all", flush=True)  # fmt: skip
                before = await read(port)
                await asyncio.sleep(options.seconds)
                code = report(options.pipelines, min(options.servers, options.namespaces), before, await read(port))
                await changes(server, every, options.changes)
                return code
            finally:
                stop.set()
                await reporting
                process.terminate()
                await process.wait()


@dataclass(frozen=True)
class Place:
    """Where a pipeline is, and its queue."""

    namespace: str
    name: str
    redis: str

    @classmethod
    def of(cls, number: int, options: argparse.Namespace, redis: str) -> Place:
        namespace = number % options.namespaces
        url = f"{redis.rpartition('/')[0]}/{namespace % options.servers}"
        return cls(f"ns{namespace:03}", f"p{number:05}", url)


def reports(every: Sequence[Place], stop: threading.Event) -> None:
    """What fetchers tell, until it is enough: a tenth of them each half second."""
    clients = {each.redis: connect(each.redis) for each in every}
    text, turn = Report(at=0.0, totals=TOTALS, sources={"sinkhole": None}), 0
    while not stop.wait(0.5):
        now, turn = msgspec.structs.replace(text, at=time.time()), (turn + 1) % 10
        for url, client in clients.items():
            pipeline = client.pipeline(transaction=False)
            for each in every[turn::10]:
                if each.redis == url:
                    pipeline.hset(report_key(f"{each.namespace}.{each.name}"), "fetcher", msgspec.json.encode(now))
            pipeline.execute()
    for client in clients.values():
        client.close()


async def changes(server: ApiServer, every: Sequence[Place], count: int) -> None:
    """Four of each a second: from the change to the Deployment that was applied, from the batch to the worker."""
    server.objects.keeps_history = True
    chosen = random.Random(7).sample(list(every), min(2 * count, len(every)))

    async def changed(each: Place) -> float:
        before = server.find("deployments", f"{each.name}-worker", each.namespace) or {}
        document = server.find(PIPELINES, each.name, each.namespace) or {}
        begun = time.monotonic()
        server.put(PIPELINES, {**document, "spec": {**document["spec"], "worker": {"maxAttempts": 9}}})
        while _template(server, each) == before["spec"]["template"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    async def worked(each: Place) -> float:
        queue = Queue(client := connect(each.redis), f"{each.namespace}.{each.name}")
        begun = time.monotonic()
        queue.enqueue([Job("a", b"x")])
        client.close()
        while not (server.find("deployments", f"{each.name}-worker", each.namespace) or {})["spec"]["replicas"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    for what, how in (("a changed spec", changed), ("the first batch of a queue at zero", worked)):
        some, chosen = chosen[:count], chosen[count:]
        tasks = []
        for each in some:
            tasks.append(asyncio.create_task(how(each)))
            await asyncio.sleep(0.25)
        seconds = sorted(await asyncio.gather(*tasks))
        if seconds:
            print(f"{what}, until it is carried out, n={len(seconds)}: {seconds[len(seconds) // 2]:.2f} s in the middle, "
                  f"p95 {seconds[int(len(seconds) * 0.95)]:.2f} s, at most {seconds[-1]:.2f} s", flush=True)  # fmt: skip


def _template(server: ApiServer, each: Place) -> object:
    return (server.find("deployments", f"{each.name}-worker", each.namespace) or {})["spec"]["template"]


def seed(server: ApiServer, redis: str, namespace: str, name: str) -> None:
    """A pipeline with its Secrets and children, as an operator leaves them."""
    for secret, key in SECRETS:
        if server.find("secrets", secret, namespace) is None:
            value = base64.b64encode(b"secret").decode()
            server.put("secrets", {"metadata": {"name": secret, "namespace": namespace}, "data": {key: value}})
    document = resource({"queue": {"redis": {"url": redis, "password": None}}}, name=name, namespace=namespace)
    document["metadata"] = {"name": name, "namespace": namespace}
    pipeline = pipeline_of(document)
    uid = server.put(PIPELINES, document)["metadata"]["uid"]
    seen = {each: to_seen(server.find("secrets", each, namespace) or {}) for each, _ in SECRETS}
    versions = {f"{ref.name}/{ref.key}": seen[ref.name].digest_of(ref.key) for ref in all_refs(pipeline)}
    for child in children_of(Wanted(Owner(namespace, name, uid), pipeline, versions, PODS)):
        sent = dict(_sent(child, new=True))
        if child.replicas_at_birth is not None:
            sent["metadata"] = {**sent["metadata"], "managedFields": [_owner_of_replicas(SCALER_FIELD_MANAGER)]}
        server.put(child.kind.plural, sent)


def told(server: ApiServer) -> int:
    """How many pipelines have a status."""
    return sum("conditions" in each.get("status", {}) for each in server.all(PIPELINES))


async def start(server: ApiServer, folder: Path, port: int, profile: str | None) -> asyncio.subprocess.Process:
    environment = os.environ | {
        "KUBECONFIG": str(server.kubeconfig(folder)), "FETCHER_IMAGE": "fetcher:1", "WORKER_IMAGE": "worker:1",
        "QUEUE_HOSTS": "127.0.0.1", "HEALTH_HOST": "127.0.0.1", "HEALTH_PORT": str(port), "LOG_LEVEL": "warning",
    }  # fmt: skip
    command = ["-m", "cProfile", "-o", profile, "-m", "dcp_operator"] if profile else ["-m", "dcp_operator"]
    return await asyncio.create_subprocess_exec(sys.executable, *command, env=environment)


async def quiet(port: int) -> Reading:
    """Once nothing has been written for 12 s."""
    last = await read(port)
    while True:
        await asyncio.sleep(1)
        now = await read(port)
        if now.writes != last.writes:
            last = now
        if now.at - last.at >= 12:
            return now


async def read(port: int) -> Reading:
    """From /metrics."""
    text = await asyncio.to_thread(_page, f"http://127.0.0.1:{port}/metrics")
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]

    def total(name: str) -> float:
        return sum(each.value for each in samples if each.name == name)

    return Reading(
        at=time.monotonic(),
        cpu_seconds=total("process_cpu_seconds_total"),
        resident_bytes=int(total("process_resident_memory_bytes")),
        looks=total("dcp_operator_look_seconds_count"),
        look_seconds=total("dcp_operator_look_seconds_sum"),
        writes=total("dcp_operator_api_writes_total"),
    )


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        body: bytes = answer.read()
    return body.decode()


def report(pipelines: int, servers: int, before: Reading, after: Reading) -> int:
    """Print the figures; 1 where something was written."""
    seconds, looks = after.at - before.at, max(after.looks - before.looks, 1) / servers
    writes = after.writes - before.writes
    print(
        f"{pipelines} pipelines, {seconds:.0f} s with nothing to do: {after.cpu_seconds - before.cpu_seconds:.1f} CPU-s, "
        f"{after.resident_bytes / 2**20:.0f} MiB; a look at all queues every {seconds / looks:.1f} s, of "
        f"{(after.look_seconds - before.look_seconds) / looks:.2f} s; {writes:.0f} writes"
    )
    return int(writes > 0)


if __name__ == "__main__":
    sys.exit(main())
