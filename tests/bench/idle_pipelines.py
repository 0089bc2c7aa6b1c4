"""One operator and thousands of idle pipelines in hundreds of namespaces, beside the small API server of the fault tests.

    PYTHONPATH=tests python -m bench.idle_pipelines [--pipelines 10000] [--namespaces 500] [--servers 1] [--seconds 30]
        [--changes 100]

No cluster: children and statuses are there already, as the operator has left them, and the queues are on a real Redis, in
as many of its databases as there are to be servers. Each pipeline's fetcher reports every five seconds, as real ones do.
The operator is a process of its own. Prints what it took until every pipeline was looked after; with nothing to do: CPU
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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from dcp_operator.apply import _sent
from dcp_operator.children.children import Wanted, children_of
from dcp_operator.children.judge import to_seen
from dcp_operator.children.remembered import revision_of
from dcp_operator.children.secret_refs import all_refs
from dcp_operator.ground.names import SCALER_FIELD_MANAGER, Owner
from dcp_operator.ground.settings import PodSettings
from dcp_pipeline.observe.report import Report, Totals, report_key
from dcp_pipeline.queue import Job, Queue, connect
from dcp_pipeline.spec.parse import pipeline_of
from support.kube_api.objects import Document, _owner_of_replicas
from support.kube_api.server import ApiServer, Request, serving
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
    looked_at: int
    """Pipelines whose queue was read and whose Deployment is known."""


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
            reporting = asyncio.create_task(asyncio.to_thread(reports, every, stop := threading.Event()))
            status = await status_left(server, every[0], Path(folder))
            for each in every[1:]:
                seed(server, each, status)
            server.objects.history.clear()
            server.objects.keeps_history = False
            port = free_port()
            process = await start(server, Path(folder), port, options.profile)
            try:
                begun = time.monotonic()
                first = await quiet(server, port, options.pipelines)
                print(f"{options.pipelines} pipelines in {options.namespaces} namespaces, {options.servers} servers: all "
                      f"looked after, and 12 s without a write, after {time.monotonic() - begun:.0f} s, "
                      f"{first.cpu_seconds:.0f} CPU-s in all, {first.writes:.0f} writes", flush=True)  # fmt: skip
                written, told = len(server.writes), {each: conditions(server, each) for each in every}
                await asyncio.sleep(options.seconds)
                after = await read(port)
                for what, count in Counter(_told(each) for each in server.writes[written:]).items():
                    print(f"written for nothing: {count} times {what}", flush=True)
                for what, count in Counter(one for each in every for one in changes_of(server, each, told)).items():
                    print(f"of conditions: {count} times {what}", flush=True)
                assert after is not None
                code = report(options.pipelines, min(options.servers, options.namespaces), first, after)
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
    """What fetchers tell, until it is enough: a tenth of them each half second, over one connection."""
    client, turn = connect(every[0].redis), 0
    text = Report(at=0.0, totals=TOTALS, sources={"sinkhole": None})
    turns = [sorted(every[n::10], key=lambda each: each.redis) for n in range(10)]
    while not stop.wait(0.5):
        now, turn = msgspec.json.encode(msgspec.structs.replace(text, at=time.time())), (turn + 1) % 10
        pipeline, database = client.pipeline(transaction=False), ""
        for each in turns[turn]:
            if each.redis != database:
                database = each.redis
                pipeline.execute_command("SELECT", database.rpartition("/")[2])
            pipeline.hset(report_key(f"{each.namespace}.{each.name}"), "fetcher", now)
        pipeline.execute()
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


def conditions(server: ApiServer, each: Place) -> dict[str, str]:
    """What a pipeline's status says, by condition."""
    status = (server.find(PIPELINES, each.name, each.namespace) or {}).get("status") or {}
    return {one["type"]: f"{one['status']} {one['reason']}" for one in status.get("conditions", ())}


def changes_of(server: ApiServer, each: Place, told: Mapping[Place, Mapping[str, str]]) -> Iterator[str]:
    """Which conditions say something else now."""
    for kind, now in conditions(server, each).items():
        if (before := told[each].get(kind)) != now:
            yield f"{kind}: {before} -> {now}"


def _told(write: Request) -> str:
    return f"{write.verb} {write.plural}" + (f"/{write.sub}" if write.sub else "")


def _template(server: ApiServer, each: Place) -> object:
    return (server.find("deployments", f"{each.name}-worker", each.namespace) or {})["spec"]["template"]


async def status_left(server: ApiServer, place: Place, folder: Path) -> Document:
    """The first pipeline, looked after by an operator; the status that it leaves."""
    seed(server, place, None)
    port = free_port()
    process = await start(server, folder, port, None)
    await quiet(server, port, 1)
    process.terminate()
    await process.wait()
    status: Document = (server.find(PIPELINES, place.name, place.namespace) or {})["status"]
    return status


def seed(server: ApiServer, place: Place, status: Document | None) -> None:
    """A pipeline with its Secrets and children, as an operator leaves them."""
    namespace, name = place.namespace, place.name
    for secret, key in SECRETS:
        if server.find("secrets", secret, namespace) is None:
            value = base64.b64encode(b"secret").decode()
            server.put("secrets", {"metadata": {"name": secret, "namespace": namespace}, "data": {key: value}})
    document = resource({"queue": {"redis": {"url": place.redis, "password": None}}}, name=name, namespace=namespace)
    document["metadata"] = {"name": name, "namespace": namespace}
    pipeline = pipeline_of(document)
    stored = server.put(PIPELINES, document)
    seen = {each: to_seen(server.find("secrets", each, namespace) or {}) for each, _ in SECRETS}
    versions = {f"{ref.name}/{ref.key}": seen[ref.name].digest_of(ref.key) for ref in all_refs(pipeline)}
    children = children_of(Wanted(Owner(namespace, name, stored["metadata"]["uid"]), pipeline, versions, PODS))
    for child in children:
        sent = dict(_sent(child, new=True))
        if child.replicas_at_birth is not None:
            sent["metadata"] = {**sent["metadata"], "managedFields": [_owner_of_replicas(SCALER_FIELD_MANAGER)]}
        server.put(child.kind.plural, sent)
    if status is not None:
        revision = revision_of(children)
        server.put(PIPELINES, {**stored, "status": {**status, "revision": {"wanted": revision, "running": revision}}})


async def start(server: ApiServer, folder: Path, port: int, profile: str | None) -> asyncio.subprocess.Process:
    environment = os.environ | {
        "KUBECONFIG": str(server.kubeconfig(folder)), "FETCHER_IMAGE": "fetcher:1", "WORKER_IMAGE": "worker:1",
        "QUEUE_HOSTS": "127.0.0.1", "HEALTH_HOST": "127.0.0.1", "HEALTH_PORT": str(port), "LOG_LEVEL": "warning",
    }  # fmt: skip
    command = ["-m", "cProfile", "-o", profile, "-m", "dcp_operator"] if profile else ["-m", "dcp_operator"]
    return await asyncio.create_subprocess_exec(sys.executable, *command, env=environment)


async def quiet(server: ApiServer, port: int, pipelines: int) -> Reading:
    """Once each was looked at, and nothing has been written for 12 s. The page of metrics is asked for as seldom as by a
    Prometheus: of 10,000 pipelines it takes seconds of the CPU that is measured."""
    while (now := await read(port)) is None or now.looked_at < pipelines:  # noqa: ASYNC110
        await asyncio.sleep(1 if now is None else 15)
    written, since = len(server.writes), time.monotonic()
    while time.monotonic() - since < 12:
        await asyncio.sleep(1)
        if len(server.writes) != written:
            written, since = len(server.writes), time.monotonic()
    after = await read(port)
    assert after is not None
    return after


async def read(port: int) -> Reading | None:
    """From /metrics; None while nobody answers."""
    try:
        text = await asyncio.to_thread(_page, f"http://127.0.0.1:{port}/metrics")
    except OSError:
        return None
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
        looked_at=sum(each.name == "dcp_operator_backlog_batches" for each in samples),
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
