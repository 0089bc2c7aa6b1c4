"""The operator's own code around the small API server: in this process, all its loops, its client over real sockets."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dcp_operator.ground.settings import read_settings
from dcp_operator.process import Parties, build, run_loops
from dcp_pipeline.observe.pulse import Pulse
from support.kube_api.server import ApiServer
from support.pipelines import resource
from support.waiting import eventually

SETTINGS = {
    "FETCHER_IMAGE": "fetcher:1",
    "WORKER_IMAGE": "worker:1",
    "DCP_IMAGE": "dcp:1",
    "SYNC_PERIOD": "100ms",
    "RESYNC_PERIOD": "1s",
    "RECONCILE_CONCURRENCY": "4",
    "QUEUE_HOSTS": "127.0.0.1",
}
PIPELINES = "datacleaningpipelines"
TASKS = "datacleaningtasks"


@asynccontextmanager
async def operated(
    server: ApiServer, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> AsyncIterator[Parties]:
    """An operator that runs while the block does. It must not end by itself."""
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(folder)))
    pulse, stop = Pulse(), asyncio.Event()
    read = read_settings({**SETTINGS, **settings})
    parties = build(read, folder, pulse)
    running = asyncio.create_task(run_loops(read, parties, pulse, stop))
    try:
        yield parties
        assert not running.done(), "the operator has ended"
        assert pulse.stuck() == []
    finally:
        stop.set()
        await asyncio.gather(running, return_exceptions=True)
        parties.close()
        await parties.api.close()


def put_pipeline(
    server: ApiServer,
    redis: str,
    name: str = "botnet",
    namespace: str = "feeds",
    spec: Mapping[str, Any] | None = None,
    **metadata_: Any,
) -> dict[str, Any]:
    """A pipeline and its Secrets, as somebody applies them."""
    for secret, key in (("feed", "key"), ("redis", "password"), ("mariadb", "password")):
        metadata = {"name": secret, "namespace": namespace}
        if server.find("secrets", secret, namespace) is None:
            server.put("secrets", {"metadata": metadata, "data": {key: base64.b64encode(b"secret").decode()}})
    queue = {"queue": {"redis": {"url": redis, "password": None}}}
    document = resource({**queue, **(spec or {})}, name=name)
    before = server.find(PIPELINES, name, namespace)
    metadata = {"name": name, "namespace": namespace, **metadata_}
    return server.put(
        PIPELINES, {**(before or {}), **document, "metadata": {**(before or {}).get("metadata", {}), **metadata}}
    )


def condition(server: ApiServer, kind: str, name: str = "botnet", namespace: str = "feeds") -> tuple[str, str, str]:
    """Status, reason and message; empty ones where there is none yet."""
    found = server.find(PIPELINES, name, namespace) or {}
    for each in found.get("status", {}).get("conditions", ()):
        if each["type"] == kind:
            return each["status"], each["reason"], each["message"]
    return "", "", ""


async def until(holds: Any, what: str, within_seconds: float = 60) -> None:
    """eventually(), for a plain function."""

    async def check() -> object:
        return holds()

    await eventually(check, what, within_seconds)


async def resyncs(server: ApiServer, more: int = 2) -> None:
    """More than so many, begun from now on."""
    listed = len(server.asked("list", PIPELINES))
    await until(lambda: len(server.asked("list", PIPELINES)) > listed + more, "some resyncs")


def replicas(server: ApiServer, component: str = "worker", name: str = "botnet") -> int:
    """As many as a Deployment asks for."""
    return int((server.find("deployments", f"{name}-{component}") or {})["spec"]["replicas"])


def image(server: ApiServer, name: str = "botnet", component: str = "worker") -> str:
    """That of a Deployment's pods; empty where there is none."""
    found = server.find("deployments", f"{name}-{component}")
    return found["spec"]["template"]["spec"]["containers"][0]["image"] if found else ""


async def ready(server: ApiServer, name: str = "botnet", namespace: str = "feeds") -> None:
    await until(lambda: condition(server, "Ready", name, namespace)[0] == "True", f"{namespace}/{name} to be ready")
