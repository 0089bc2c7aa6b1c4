"""A life in which it can be steered: draining, stopped, hands off, and a release that goes out at a pace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dcp_pipeline.queue import Job, Queue, connect
from support.kube_api.operated import PIPELINES, condition, operated, put_pipeline, ready, until
from support.kube_api.server import ApiServer

HANDS_OFF = {"datacleaning.io/pause-reconciliation": "true"}
TWO = {"scaling": {"minReplicas": 2, "fallback": {"replicas": 1}}}


def replicas(server: ApiServer, component: str, name: str = "botnet") -> int:
    return int((server.find("deployments", f"{name}-{component}") or {})["spec"]["replicas"])


def image(server: ApiServer, name: str = "botnet", component: str = "worker") -> str:
    found = server.find("deployments", f"{name}-{component}")
    return found["spec"]["template"]["spec"]["containers"][0]["image"] if found else ""


@pytest.mark.parametrize("state", [{"state": "Draining"}, {"paused": True}], ids=["Draining", "paused"])
async def test_draining_finishes_what_is_queued_and_then_nobody_works(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    client = connect(redis)
    queue = Queue(client, "feeds.draining")
    queue.enqueue([Job("a", b"x" * 10)])
    put_pipeline(server, redis, "draining", spec=TWO)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server, "draining")
        await until(lambda: replicas(server, "worker", "draining") == 2, "two workers")
        put_pipeline(server, redis, "draining", spec={**TWO, **state})
        await until(lambda: condition(server, "Ready", "draining")[:2] == ("True", "Draining"), "the condition")
        assert "1 batches" in condition(server, "Ready", "draining")[2]
        assert (replicas(server, "fetcher", "draining"), replicas(server, "worker", "draining") > 0) == (0, True)
        queue.drop()
        await until(lambda: condition(server, "Ready", "draining")[:2] == ("True", "Drained"), "all to be done", 90)
        assert replicas(server, "worker", "draining") == 0
        put_pipeline(server, redis, "draining", spec=TWO)
        await until(lambda: condition(server, "Ready", "draining")[:2] == ("True", "Running"), "it to go on")
    client.close()


async def test_stopped_leaves_what_is_queued_where_it_is_and_brings_no_worker_back(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(redis)
    queue = Queue(client, "feeds.stopped")
    queue.enqueue([Job("a", b"x" * 10)])
    put_pipeline(server, redis, "stopped", spec=TWO)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server, "stopped")
        await until(lambda: replicas(server, "worker", "stopped") == 2, "two workers")
        put_pipeline(server, redis, "stopped", spec={**TWO, "state": "Stopped"})
        await until(lambda: condition(server, "Ready", "stopped")[:2] == ("True", "Stopped"), "the condition")
        assert (replicas(server, "fetcher", "stopped"), replicas(server, "worker", "stopped")) == (0, 0)
        assert "1 batches wait" in condition(server, "Ready", "stopped")[2]
        assert queue.stats().backlog == 1
    queue.drop()
    client.close()


async def test_with_hands_off_nothing_is_written_but_the_status(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis, spec=TWO)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        await until(lambda: replicas(server, "worker") == 2, "two workers")
        put_pipeline(server, redis, spec=TWO, annotations=HANDS_OFF)
        await until(lambda: condition(server, "Ready")[:2] == ("Unknown", "ReconciliationPaused"), "the condition")
        writes = len(server.writes)
        put_pipeline(server, redis, spec={**TWO, "worker": {"maxAttempts": 9}}, annotations=HANDS_OFF)
        worker = server.find("deployments", "botnet-worker") or {}
        server.put("deployments", {**worker, "spec": {**worker["spec"], "replicas": 7}})
        server.objects.delete(("networkpolicies", "feeds", "botnet-pods"))
        listed = len(server.asked("list", PIPELINES))
        await until(lambda: len(server.asked("list", PIPELINES)) > listed + 3, "some resyncs")
        assert {each.sub or each.plural for each in server.writes[writes:]} <= {"status", "events"}
        assert replicas(server, "worker") == 7
    async with operated(server, tmp_path, monkeypatch):
        listed = len(server.asked("list", PIPELINES))
        await until(lambda: len(server.asked("list", PIPELINES)) > listed + 2, "another process to have looked")
        assert server.find("networkpolicies", "botnet-pods") is None
        put_pipeline(server, redis, spec={**TWO, "worker": {"maxAttempts": 9}}, annotations={})
        await ready(server)
        await until(lambda: replicas(server, "worker") == 2, "the replicas")
        assert server.find("networkpolicies", "botnet-pods")


async def test_a_release_renews_so_many_pipelines_at_once_and_people_at_any_time(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"p{n}" for n in range(6)]
    for name in names:
        put_pipeline(server, redis, name)
    async with operated(server, tmp_path, monkeypatch):
        for name in names:
            await ready(server, name)
    server.objects.pods_come_up = False
    async with operated(server, tmp_path, monkeypatch, FETCHER_IMAGE="fetcher:2", ROLLOUT_AT_ONCE="2"):

        def renewed() -> set[str]:
            return {name for name in names if image(server, name, "fetcher") == "fetcher:2"}

        def waiting(name: str) -> bool:
            return condition(server, "Progressing", name)[1] == "WaitingForItsTurn"

        await until(lambda: sum(waiting(name) for name in names) == 4, "four to wait")
        first = renewed()
        assert len(first) == 2
        other = next(name for name in names if name not in first)
        assert condition(server, "Ready", other)[0] == "True", "what was asked of it is out"
        revision = (server.find(PIPELINES, other) or {})["status"]["revision"]
        assert revision["wanted"] != revision["running"]
        put_pipeline(server, redis, other, spec={"worker": {"maxAttempts": 9}})
        await until(lambda: renewed() == first | {other}, "a change of people's to be out at once")
        server.objects.pods_come_up = True
        for name in names:
            for component in ("fetcher", "worker"):
                server.put("deployments", server.find("deployments", f"{name}-{component}") or {})
        await until(lambda: renewed() == set(names), "all to be renewed")
        for name in names:
            await ready(server, name)
            await until(lambda name=name: condition(server, "Progressing", name)[0] == "False", f"{name} to be done")
