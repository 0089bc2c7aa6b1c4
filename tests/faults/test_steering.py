"""A life in which it can be steered: draining, stopped, hands off, and a release that goes out at a pace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dcp_pipeline.queue import Job, Queue, connect
from support.kube_api.operated import (
    PIPELINES,
    condition,
    image,
    operated,
    put_pipeline,
    ready,
    replicas,
    resyncs,
    until,
)
from support.kube_api.server import ApiServer

HANDS_OFF = {"datacleaning.io/pause-reconciliation": "true"}
TWO = {"scaling": {"minReplicas": 2, "fallback": {"replicas": 1}}}


async def out(server: ApiServer, redis: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Pipelines that an operator has made so, and left."""
    for name in names:
        put_pipeline(server, redis, name)
    async with operated(server, folder, monkeypatch):
        for name in names:
            await ready(server, name)


def renewed(server: ApiServer, *names: str) -> set[str]:
    """Whose fetcher is of the new release."""
    return {name for name in names if image(server, name, "fetcher") == "fetcher:2"}


def waiting(server: ApiServer, *names: str) -> set[str]:
    """Who waits for its turn to be."""
    return {name for name in names if condition(server, "Progressing", name)[1] == "WaitingForItsTurn"}


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
        await resyncs(server, 3)
        assert {each.sub or each.plural for each in server.writes[writes:]} <= {"status", "events"}
        assert replicas(server, "worker") == 7
    async with operated(server, tmp_path, monkeypatch):
        await resyncs(server)
        assert server.find("networkpolicies", "botnet-pods") is None
        put_pipeline(server, redis, spec={**TWO, "worker": {"maxAttempts": 9}}, annotations={})
        await ready(server)
        await until(lambda: replicas(server, "worker") == 2, "the replicas")
        assert server.find("networkpolicies", "botnet-pods")


async def test_a_release_renews_so_many_pipelines_at_once_and_people_at_any_time(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"p{n}" for n in range(6)]
    await out(server, redis, tmp_path, monkeypatch, *names)
    server.objects.pods_come_up = False
    async with operated(server, tmp_path, monkeypatch, FETCHER_IMAGE="fetcher:2", ROLLOUT_AT_ONCE="2"):
        await until(lambda: len(waiting(server, *names)) == 4, "four to wait")
        first = renewed(server, *names)
        assert len(first) == 2
        other = next(name for name in names if name not in first)
        assert condition(server, "Ready", other)[0] == "True", "what was asked of it is out"
        revision = (server.find(PIPELINES, other) or {})["status"]["revision"]
        assert revision["wanted"] != revision["running"]
        put_pipeline(server, redis, other, spec={"worker": {"maxAttempts": 9}})
        await until(lambda: renewed(server, *names) == first | {other}, "a change of people's to be out at once")
        server.objects.pods_come_up = True
        for name in names:
            for component in ("fetcher", "worker"):
                server.put("deployments", server.find("deployments", f"{name}-{component}") or {})
        await until(lambda: renewed(server, *names) == set(names), "all to be renewed")
        for name in names:
            await ready(server, name)
            await until(lambda name=name: condition(server, "Progressing", name)[0] == "False", f"{name} to be done")


@pytest.mark.parametrize(("state", "under_way", "at_rest"),
                         [("Stopped", "Stopping", "Stopped"), ("Draining", "Draining", "Drained")])  # fmt: skip
async def test_as_long_as_a_pod_is_ending_it_has_not_come_to_rest(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    state: str, under_way: str, at_rest: str,
) -> None:  # fmt: skip
    """No Deployment counts such a pod, which still fetches, or finishes a batch, for up to ten minutes."""
    name = state.lower()
    labels = {"app.kubernetes.io/name": "datacleaningpipeline", "app.kubernetes.io/instance": name}
    metadata = {"name": "ending", "namespace": "feeds", "labels": labels, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    pod = {"metadata": metadata, "spec": {}, "status": {"phase": "Running"}}
    server.put("pods", pod)
    server.put("pods", {**pod, "metadata": {**metadata, "name": "over"}, "status": {"phase": "Succeeded"}})
    put_pipeline(server, redis, name, spec={"state": state})
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: condition(server, "Ready", name)[:2] == ("True", under_way), "it to be under way")
        assert "the last pods" in condition(server, "Ready", name)[2]
        looks = len(server.asked("list", "pods"))
        await until(lambda: len(server.asked("list", "pods")) > looks + 1, "the pods to be asked for again")
        assert condition(server, "Ready", name)[1] == under_way
        server.objects.delete(("pods", "feeds", "ending"))
        await until(lambda: condition(server, "Ready", name)[:2] == ("True", at_rest), "it to be at rest")
        await resyncs(server)
        looks = len(server.asked("list", "pods"))
        await resyncs(server)
        assert len(server.asked("list", "pods")) == looks, "who rests is not asked for again"


@pytest.mark.parametrize(
    "words",
    [{"resources": {"limits": {"cpu": 0.5}}}, {"podTemplate": {"volumes": [{"name": "data"}]}}],
    ids=["float", "volume"],
)  # fmt: skip
async def test_workers_follow_the_queue_though_a_new_release_refuses_what_their_pods_ask_for(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: dict[str, Any]
) -> None:
    """An earlier release took it, and its pods run: they would never come back from zero."""
    client = connect(redis)
    queue = Queue(client, "feeds.refused")
    put_pipeline(server, redis, "refused")
    async with operated(server, tmp_path, monkeypatch):
        await ready(server, "refused")
    put_pipeline(server, redis, "refused", spec={"worker": words})
    before = server.find("deployments", "refused-worker") or {}
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: condition(server, "Ready", "refused")[1] == "InvalidSpec", "the refusal")
        assert "spec.worker." in condition(server, "Ready", "refused")[2]
        queue.enqueue([Job("a", b"x" * 10)])
        await until(lambda: replicas(server, "worker", "refused") > 0, "a worker")
        after = server.find("deployments", "refused-worker") or {}
        assert after["spec"]["template"] == before["spec"]["template"]
        put_pipeline(server, redis, "refused", spec={"worker": words}, annotations=HANDS_OFF)
        await resyncs(server)
        server.put("deployments", {**after, "spec": {**after["spec"], "replicas": 0}})
        await resyncs(server)
        assert replicas(server, "worker", "refused") == 0, "hands off, whatever the spec is"
    queue.drop()
    client.close()


async def test_whoever_cannot_be_renewed_now_gives_its_turn_away(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["p0", "p1", "p2"]
    await out(server, redis, tmp_path, monkeypatch, *names)
    server.objects.pods_come_up = False
    async with operated(server, tmp_path, monkeypatch, FETCHER_IMAGE="fetcher:2", ROLLOUT_AT_ONCE="1"):
        await until(
            lambda: len(waiting(server, *names)) == 2 and len(renewed(server, *names)) == 1, "two to wait for one"
        )
        first = renewed(server, *names).pop()
        put_pipeline(server, redis, first, annotations=HANDS_OFF)
        await until(lambda: len(renewed(server, *names)) == 2, "the next one's turn")
        last = next(name for name in names if name not in renewed(server, *names))
        put_pipeline(server, redis, last, annotations=HANDS_OFF)
        await until(lambda: last not in waiting(server, *names), "it not to wait any more")


async def test_who_takes_over_in_the_middle_of_a_release_renews_no_more_at_once(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["p0", "p1", "p2", "p3"]
    await out(server, redis, tmp_path, monkeypatch, *names)
    server.objects.pods_come_up = False
    first: set[str] = set()
    for _ in range(3):
        async with operated(server, tmp_path, monkeypatch, FETCHER_IMAGE="fetcher:2", ROLLOUT_AT_ONCE="2"):
            await until(lambda: len(waiting(server, *names)) == 2, "two to wait")
            await resyncs(server)
            assert len(renewed(server, *names)) == 2
            assert renewed(server, *names) == (first or renewed(server, *names))
            first = renewed(server, *names)
    server.objects.pods_come_up = True
    async with operated(server, tmp_path, monkeypatch, FETCHER_IMAGE="fetcher:2", ROLLOUT_AT_ONCE="2"):
        for name in names:
            for component in ("fetcher", "worker"):
                server.put("deployments", server.find("deployments", f"{name}-{component}") or {})
        await until(lambda: renewed(server, *names) == set(names), "all to be renewed")


async def test_workers_follow_the_queue_after_a_restart_though_another_secret_is_missing(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(redis)
    queue = Queue(client, "feeds.keyless")
    await out(server, redis, tmp_path, monkeypatch, "keyless")
    server.objects.delete(("secrets", "feeds", "feed"))
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: condition(server, "Ready", "keyless")[1] == "SecretMissing", "the refusal")
        queue.enqueue([Job("a", b"x" * 10)])
        await until(lambda: replicas(server, "worker", "keyless") > 0, "a worker")
        assert condition(server, "Ready", "keyless")[1] == "SecretMissing"
    queue.drop()
    client.close()


async def test_who_waits_for_its_turn_is_drained_at_once(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an earlier release left no digest of what people ask."""
    await out(server, redis, tmp_path, monkeypatch, "p0", "p1")
    for name in ("p0", "p1"):
        for component in ("fetcher", "worker"):
            found = server.find("deployments", f"{name}-{component}") or {}
            server.put(
                "deployments",
                {**found, "metadata": {**found["metadata"], "annotations": {"datacleaning.io/applied": "0"}}},
            )
    server.objects.pods_come_up = False
    async with operated(server, tmp_path, monkeypatch, FETCHER_IMAGE="fetcher:2", ROLLOUT_AT_ONCE="1"):
        await until(lambda: len(waiting(server, "p0", "p1")) == 1, "one to wait")
        last = waiting(server, "p0", "p1").pop()
        put_pipeline(server, redis, last, spec={"paused": True})
        await until(lambda: replicas(server, "fetcher", last) == 0, "no fetcher")


async def test_a_rollout_that_was_paused_by_hand_goes_on(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl rollout pause`: no change would come out any more. To hold a pipeline there is an annotation."""

    def paused() -> bool:
        return bool((server.find("deployments", "botnet-worker") or {})["spec"].get("paused"))

    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        worker = server.find("deployments", "botnet-worker") or {}
        server.put("deployments", {**worker, "spec": {**worker["spec"], "paused": True}})
        assert paused()
        await until(lambda: not paused(), "the rollout to go on")
