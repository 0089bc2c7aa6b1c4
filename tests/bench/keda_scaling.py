"""KEDA on the cluster of the bench: installed, and given the workers by a ScaledObject in its own words."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from dcp_pipeline.queue.keys import Keys
from e2e.cluster import engine, keda
from e2e.cluster.kind import Kind
from e2e.cluster.progress import Steps
from e2e.cluster.settings import Settings
from e2e.operator.kube import Kube, ready
from e2e.support.botnet import NAME, Document
from e2e.support.stage import wait_for

DEPLOYMENTS = ("keda-operator", "keda-metrics-apiserver")
WORKERS = f"{NAME}-worker"


def keda_installed(here: Settings, cluster: Kube, kubectl: list[str]) -> None:
    """KEDA, running. Raises ClusterError where it cannot be built."""
    steps = Steps(engine.STEPS + 3, here.logs)
    under = engine.started(here, steps)
    keda.image(here, under, steps)
    Kind(here, under).load([keda.IMAGE], steps)
    text = yaml.safe_dump_all(list(keda.manifests(kubectl)))
    words = [*kubectl, "apply", "--server-side", "--force-conflicts", "-f", "-"]
    subprocess.run(words, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    kube = cluster.in_namespace("keda")
    for name in DEPLOYMENTS:
        wait_for(ready(kube, name), name, 300)


@contextmanager
def keda_scales(kube: Kube, document: Document, *, tuned: bool) -> Iterator[None]:
    """A ScaledObject on the pipeline's queue with KEDA's defaults, or tuned to be quick, until the block ends."""
    namespace = document["metadata"]["namespace"]
    metadata = {"name": WORKERS}
    target = {"parameter": "password", "name": "redis", "key": "password"}
    kube.apply(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "TriggerAuthentication",
            "metadata": metadata,
            "spec": {"secretTargetRef": [target]},
        }
    )
    trigger = {
        "type": "redis",
        "metadata": {"address": f"redis.{namespace}.svc:6379", "listName": Keys(f"{namespace}.{NAME}").age},
        "authenticationRef": metadata,
    }
    scaling = document["spec"]["scaling"]
    spec: Document = {
        "scaleTargetRef": metadata,
        "minReplicaCount": 0,
        "maxReplicaCount": scaling["maxReplicas"],
        "fallback": {"failureThreshold": 3, "replicas": scaling["fallback"]["replicas"]},
        "triggers": [trigger],
    }
    if tuned:
        down = {"stabilizationWindowSeconds": 30}
        spec |= {
            "pollingInterval": 2,
            "cooldownPeriod": 30,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": down}}},
        }
    kube.apply({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec})
    try:
        wait_for(lambda: _taken_up(kube), "KEDA to take up the ScaledObject", 120)
        yield
    finally:
        kube.delete("ScaledObject", WORKERS)
        wait_for(lambda: kube.get("ScaledObject", WORKERS) is None, "KEDA to let go of it", 120)


def _taken_up(kube: Kube) -> bool:
    status = (kube.get("ScaledObject", WORKERS) or {}).get("status", {})
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or [])
