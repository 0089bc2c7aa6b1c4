"""The scaler's loop around a cluster in memory: isolation, the way down, and what it tells."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from dcp_operator.ground.kinds import DEPLOYMENT, PIPELINE, POD, SCALED_OBJECT, SECRET
from dcp_operator.ground.names import PipelineKey
from dcp_operator.ground.settings import PodSettings
from dcp_operator.scaling.server import Server
from dcp_operator.status.seen import QueueSeen
from dcp_pipeline.observe.report import Report
from dcp_pipeline.queue.model import QueueStats
from support.fake_cluster import FakeCluster
from support.fake_operator import Operator, change, condition, replicas
from support.pipelines import resource

WORKER_LABELS = {
    "app.kubernetes.io/name": "datacleaningpipeline",
    "app.kubernetes.io/instance": "botnet",
    "app.kubernetes.io/component": "worker",
}


def put_workers(cluster: FakeCluster, count: int) -> None:
    """As many ready pods, and a Deployment that says so."""
    for n in range(count):
        metadata = {"name": f"w{n}", "namespace": "feeds", "labels": WORKER_LABELS}
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        cluster.put(POD, {"metadata": metadata, "spec": {"nodeName": "n"}, "status": status})
    workers = cluster.find(DEPLOYMENT, "botnet-worker") or {}
    cluster.put(DEPLOYMENT, workers | {"status": {"readyReplicas": count, "replicas": count}})


def cost(cluster: FakeCluster, pod: str) -> str | None:
    found: str | None = (
        (cluster.find(POD, pod) or {})["metadata"]
        .get("annotations", {})
        .get("controller.kubernetes.io/pod-deletion-cost")
    )
    return found


async def with_five_workers(operator: Operator, cluster: FakeCluster) -> None:
    change(cluster, {"scaling": {"backlogPerWorker": 20}, "worker": {"concurrency": 1}})
    operator.queues.stats = QueueStats(ready=95, inflight=5)
    await operator.settle(2.0)
    assert replicas(cluster) == 5
    put_workers(cluster, 5)
    await operator.settle(2.0)


async def test_only_idle_workers_are_taken_away_and_the_busy_ones_follow_when_they_are_done(
    operator: Operator, cluster: FakeCluster
) -> None:
    await with_five_workers(operator, cluster)
    operator.queues.stats = QueueStats(inflight=2)
    operator.queues.held = {"w0": 1, "w3": 1}
    for _ in range(10):
        await operator.settle(5.0)
    assert replicas(cluster) == 2
    assert {name: cost(cluster, name) for name in ("w0", "w1", "w2", "w3", "w4")} == {
        "w0": None, "w1": "-100", "w2": "-100", "w3": None, "w4": "-100"
    }  # fmt: skip
    assert "2 batches are in flight" in (cluster.find(PIPELINE, "botnet") or {})["status"]["scaling"]["reason"]


async def test_who_is_idle_goes_a_look_after_being_marked_and_is_not_called_back_from_a_slow_controller(
    operator: Operator, cluster: FakeCluster
) -> None:
    await with_five_workers(operator, cluster)
    operator.queues.stats = QueueStats(inflight=2)
    operator.queues.held = {"w0": 1, "w1": 1, "w2": 1}
    seen: list[tuple[int, str | None]] = []
    for _ in range(10):
        await operator.settle(5.0)
        now = (replicas(cluster), cost(cluster, "w4"))
        seen += [now] if now not in seen else []
    assert seen == [(5, "-100"), (3, "-100")]
    assert {"w3", "w4"} < set(operator.queues.leaving)
    operator.queues.stats = QueueStats(ready=100, inflight=3)
    await operator.settle(5.0)
    assert replicas(cluster) > 3
    assert set(operator.queues.leaving) == {"w3", "w4"}, "their pods still stand, but may be removed any moment"


async def test_while_all_are_busy_none_is_taken_but_those_that_are_to_go_get_nothing_more(
    operator: Operator, cluster: FakeCluster
) -> None:
    await with_five_workers(operator, cluster)
    operator.queues.stats = QueueStats(ready=1, inflight=3)
    operator.queues.held = {f"w{n}": 1 for n in range(5)}
    cluster.writes.clear()
    for _ in range(10):
        await operator.settle(5.0)
    assert replicas(cluster) == 5
    assert len(operator.queues.leaving) == 2
    assert not [each for each in cluster.writes if each[:2] == ("patch", "Pod")]
    operator.queues.stats = QueueStats(ready=100, inflight=5)
    await operator.settle(2.0)
    assert operator.queues.leaving == [], "they are to stay after all"


async def test_when_all_go_no_pod_is_marked(operator: Operator, cluster: FakeCluster) -> None:
    put_workers(cluster, 1)
    operator.queues.stats = QueueStats(ready=1)
    await operator.settle(2.0)
    assert replicas(cluster) == 1
    operator.queues.stats = QueueStats()
    for _ in range(10):
        await operator.settle(5.0)
    assert replicas(cluster) == 0
    assert not [each for each in cluster.writes if each[:2] == ("patch", "Pod")]


async def test_a_server_that_hangs_delays_no_other(operator: Operator, cluster: FakeCluster) -> None:
    other = resource({"queue": {"redis": {"url": "redis://hangs:6379/0"}}}, name="slow", uid="uid-slow")
    cluster.put(PIPELINE, other)
    await operator.settle(2.0)
    hangs, read = asyncio.Event(), operator.queues.read

    async def hanging(server: Server, queues: Sequence[str]) -> dict[str, QueueSeen]:
        if "hangs" in server.url:
            await hangs.wait()
        return await read(server, queues)

    operator.queues.read = hanging  # type: ignore[method-assign]
    operator.queues.stats = QueueStats(ready=100)
    for _ in range(3):
        rounds = operator.scaler.start_round()
        await asyncio.wait(rounds, return_when=asyncio.FIRST_COMPLETED)
    assert replicas(cluster) > 0
    assert (cluster.find(DEPLOYMENT, "slow-worker") or {})["spec"]["replicas"] == 0
    assert len(rounds) == 2, "one round of the hanging server goes on, and no second one was begun"
    hangs.set()
    await asyncio.gather(*rounds)
    assert (cluster.find(DEPLOYMENT, "slow-worker") or {})["spec"]["replicas"] > 0


async def test_a_pipeline_that_goes_while_its_server_hangs_is_not_remembered(
    operator: Operator, cluster: FakeCluster
) -> None:
    hangs, read = asyncio.Event(), operator.queues.read

    async def hanging(server: Server, queues: Sequence[str]) -> dict[str, QueueSeen]:
        await hangs.wait()
        return await read(server, queues)

    operator.queues.read = hanging  # type: ignore[method-assign]
    (going_on,) = operator.scaler.start_round()
    for key in [each for each in cluster.objects if each[0] != SECRET.plural]:
        del cluster.objects[key]
    await operator.parts.list_once()
    while not operator.dirty.idle:
        await operator.rounds.reconcile_once()
    operator.scaler.start_round()
    hangs.set()
    await going_on
    operator.scaler.start_round()
    assert operator.scaler.known(PipelineKey("feeds", "botnet")) is None


async def test_the_last_decision_is_left_for_dcp_status_once(operator: Operator) -> None:
    operator.queues.notes.clear()
    await operator.settle(2.0)
    assert operator.queues.notes == {}
    operator.queues.stats = QueueStats(ready=100)
    await operator.settle(2.0)
    (note,) = operator.queues.notes.values()
    assert (note.replicas, note.cause) == (replicas(operator.cluster), "FollowingBacklog")


async def test_keda_is_given_a_scaled_object_and_the_replicas_and_gives_them_back_without_a_jump(
    cluster: FakeCluster,
) -> None:
    operator = Operator(cluster, PodSettings("fetcher:1", "worker:1", keda=True))
    change(cluster, {"scaling": {"engine": "keda"}})
    await operator.settle()
    scaled_object = cluster.find(SCALED_OBJECT, "botnet-worker") or {}
    assert scaled_object["spec"]["scaleTargetRef"]["name"] == "botnet-worker"
    operator.queues.stats = QueueStats(ready=1000)
    await operator.settle(2.0)
    assert replicas(cluster) == 0, "that is KEDA's business now"
    assert condition(cluster, "ScalingActive") == ("Unknown", "KedaSilent")
    workers = cluster.find(DEPLOYMENT, "botnet-worker") or {}
    fields = [{"manager": "keda", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]
    metadata = {**workers["metadata"], "managedFields": fields}
    cluster.put(DEPLOYMENT, {**workers, "metadata": metadata, "spec": {**workers["spec"], "replicas": 7}})
    conditions = [{"type": "Ready", "status": "True", "message": "ScaledObject is defined correctly"}]
    cluster.put(SCALED_OBJECT, scaled_object | {"status": {"conditions": conditions}})
    await operator.settle(40.0)
    assert condition(cluster, "ScalingActive") == ("True", "KedaScales")
    operator.queues.stats = QueueStats()
    change(cluster, {"scaling": {"engine": "auto"}})
    await operator.settle(2.0)
    assert cluster.find(SCALED_OBJECT, "botnet-worker") is None
    assert replicas(cluster) == 7
    await operator.settle(2.0)
    assert replicas(cluster) == 7, "a fresh scaler drops nobody at once"
    operator.queues.stats = QueueStats(ready=1000)
    await operator.settle(2.0)
    assert replicas(cluster) == 10
    assert condition(cluster, "ScalingActive")[0] == "True"


async def test_a_scaled_object_that_keda_never_finishes_does_not_hold_the_workers_for_ever(
    cluster: FakeCluster,
) -> None:
    operator = Operator(cluster, PodSettings("fetcher:1", "worker:1", keda=True))
    change(cluster, {"scaling": {"engine": "keda"}})
    await operator.settle()
    scaled_object = cluster.find(SCALED_OBJECT, "botnet-worker") or {}
    change(cluster, {"scaling": {"engine": "auto"}})
    since = (operator.clock.now() + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    going: dict[str, Any] = {**scaled_object["metadata"], "deletionTimestamp": since}
    cluster.put(SCALED_OBJECT, {**scaled_object, "metadata": going})
    operator.queues.stats = QueueStats(ready=1000)
    await operator.settle(2.0)
    assert replicas(cluster) == 0
    await operator.settle(40.0)
    await operator.settle(2.0)
    assert replicas(cluster) == 10


async def test_without_keda_the_engine_is_refused_with_what_to_do(operator: Operator, cluster: FakeCluster) -> None:
    change(cluster, {"scaling": {"engine": "keda"}})
    await operator.settle()
    assert condition(cluster, "Ready") == ("False", "KedaNotEnabled")


async def test_a_pipeline_that_is_gone_takes_its_metrics_along(operator: Operator, cluster: FakeCluster) -> None:
    await operator.settle(2.0)
    for key in [each for each in cluster.objects if each[0] != SECRET.plural]:
        del cluster.objects[key]
    await operator.settle()
    assert operator.scaler.known(PipelineKey("feeds", "botnet")) is None


async def course(operator: Operator, cluster: FakeCluster) -> list[int]:
    """Workers after each look: long idle, then work, idle again, much work, and no answer in between and at the end."""
    behavior = {"scaleUp": {"stabilizationWindowSeconds": 9}, "scaleDown": {"stabilizationWindowSeconds": 12}}
    change(cluster, {"scaling": {"backlogPerWorker": 20, "behavior": behavior, "fallback": {"replicas": 3}}})
    await operator.settle(2.0)
    idle, some, much = QueueStats(done=3), QueueStats(ready=1, done=3), QueueStats(ready=90, done=4)
    found = []
    for stats, looks in (
        (idle, 300), (some, 3), (idle, 20), (much, 9), (idle, 30), (None, 3), (idle, 9), (None, 9), (idle, 20)
    ):  # fmt: skip
        operator.queues.stats = stats
        for _ in range(looks):
            await operator.settle(2.0)
            found.append(replicas(cluster))
            workers = cluster.find(DEPLOYMENT, "botnet-worker") or {}
            if workers.get("status", {}).get("readyReplicas", 0) != found[-1]:
                cluster.put(DEPLOYMENT, workers | {"status": {"readyReplicas": found[-1], "replicas": found[-1]}})
    return found


async def test_a_pipeline_that_rests_is_scaled_as_one_that_is_thought_about_at_every_look(cluster: FakeCluster) -> None:
    other = copy.deepcopy(cluster)
    resting, thinking = Operator(cluster), Operator(other)
    thinking.queues.anew = True
    await resting.settle()
    await thinking.settle()
    found = await course(resting, cluster)
    assert found == await course(thinking, other)
    assert max(found) == 5, "it did work"
    assert found[-1] == 0
    known = resting.scaler.known(PipelineKey("feeds", "botnet"))
    assert known is not None
    assert known.rested
    assert known.read_at == resting.clock.seconds, "it is looked at all the same"
    never = thinking.scaler.known(PipelineKey("feeds", "botnet"))
    assert never is not None
    assert not never.rested


async def test_what_is_reported_while_a_pipeline_rests_is_told(operator: Operator, cluster: FakeCluster) -> None:
    operator.queues.stats = QueueStats()
    for _ in range(3):
        await operator.settle(2.0)
    operator.queues.reports = {"fetcher": Report(at=operator.clock.now().timestamp(), sources={"s": "HTTP 404"})}
    await operator.scaler.run_once()
    await operator.drain()
    assert condition(cluster, "SourcesReachable")[0] == "False"


async def test_a_note_is_left_anew_while_a_pipeline_rests(operator: Operator) -> None:
    operator.queues.stats = QueueStats()
    await operator.settle(2.0)
    operator.queues.notes.clear()
    await operator.settle(2.0)
    assert not operator.queues.notes
    await operator.settle(1300.0)
    assert operator.queues.notes, "it is forgotten in time"
