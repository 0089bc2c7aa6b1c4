"""`scaling.engine: keda` on an API server with KEDA's own CRDs. KEDA itself is not there: the tests write what it would
(make bench-scaling has the real one)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.cluster import keda
from e2e.operator.kube import Kube
from e2e.support.botnet import NAME, Document
from e2e.support.forward import kubectl
from e2e.support.history import replicas_since
from e2e.support.stage import Stage, established, staged, wait_for
from e2e.support.timed_items import items_of, prepare, slow_pipeline

WORKERS = f"{NAME}-worker"
SCALING = {"engine": "keda", "minReplicas": 0, "maxReplicas": 4, "backlogPerWorker": 1}


@pytest.fixture(scope="module")
def stage(cluster: Kube, kubeconfig: Path) -> Iterator[Stage]:
    for crd in keda.crds():
        cluster.apply(crd)
        wait_for(established(cluster, crd["metadata"]["name"]), "KEDA's CRD to be served")
    with staged(cluster, kubectl(kubeconfig), "keda", settings={"KEDA": "true"}) as stage:
        prepare(stage)
        yield stage


@pytest.fixture(scope="module")
def document(stage: Stage) -> Document:
    document = slow_pipeline(stage.kube.namespace, SCALING)
    stage.start(document)
    return document


def scale_as_keda(stage: Stage, replicas: int) -> None:
    stage.kube.patch("Deployment", WORKERS, {"spec": {"replicas": replicas}}, "scale")


def test_the_api_server_takes_all_of_the_scaled_object(stage: Stage, document: Document) -> None:
    scaled_object = stage.kube.get("ScaledObject", WORKERS) or {}
    (trigger,) = scaled_object["spec"]["triggers"]
    assert trigger["metadata"] == {
        "address": f"redis.{stage.kube.namespace}.svc:6379",
        "databaseIndex": "0",
        "listName": f"{{{stage.kube.namespace}.{NAME}}}:age",
        "listLength": "1",
    }
    assert scaled_object["spec"]["scaleTargetRef"]["name"] == WORKERS
    assert scaled_object["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleUp"]["policies"]
    authentication = stage.kube.get("TriggerAuthentication", trigger["authenticationRef"]["name"]) or {}
    assert authentication["spec"]["secretTargetRef"] == [{"parameter": "password", "name": "redis", "key": "password"}]
    assert stage.condition("ScalingActive")["reason"] == "KedaSilent"


def test_replicas_are_keda_s_and_come_back_without_a_jump(stage: Stage, document: Document) -> None:
    with items_of(stage, document) as items:
        items.put([40.0] * 2)
        scale_as_keda(stage, 2)
        wait_for(lambda: items.queue.stats().inflight == 2, "both batches to be in the works", 90)
        version = stage.deployment()["metadata"]["resourceVersion"]
        stage.kube.patch("DataCleaningPipeline", NAME, {"spec": {"scaling": {"engine": "auto"}}})
        wait_for(lambda: stage.condition("ScalingActive").get("reason") == "FollowingBacklog", "the scaler", 60)
        assert stage.kube.get("ScaledObject", WORKERS) is None
        assert stage.kube.get("TriggerAuthentication", WORKERS) is None
        assert set(replicas_since(stage.kube, WORKERS, version)) <= {2}
        assert items.queue.stats().inflight == 2
        wait_for(lambda: stage.replicas() == 0, "no worker once all is done", 120)
    # The change is out once the fetcher's pod is ready again; a busy node's probes take their time.
    wait_for(lambda: stage.condition("Ready")["status"] == "True", "the pipeline to be ready", 120)
