"""KEDA and a thousand ScaledObjects, where many_pipelines.py has this operator and a thousand pipelines.

    PYTHONPATH=tests python -m bench.many_scaled_objects [--objects 1000] [--seconds 60] [--changes 100]

KEDA is built from its Go module (15 minutes, once) and runs as its own kustomization says, less the webhook. Each
ScaledObject has one Redis trigger, looked at every 2 s as our operator does, on a Deployment at zero of its own. Prints
how long it took until all were taken up; the figures of an idle minute; how long a changed maxReplicaCount took until
the HPA had it, and the first item of a list until a worker was wanted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from kubernetes import client, config

from bench.keda_scaling import keda_installed
from bench.many_pipelines import tell_servers
from bench.on_cluster import Followed, idle, spread_of
from dcp_pipeline.queue import connect
from e2e.cluster import settings
from e2e.operator.install import HARDENED
from e2e.operator.kube import Kube
from e2e.support.botnet import Document
from e2e.support.forward import kubectl
from e2e.support.stage import PASSWORD, Stage, staged, wait_for

WRITERS = ("system:serviceaccount:keda:", "system:serviceaccount:kube-system:horizontal-pod-autoscaler")
QUIET_SECONDS = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="that nothing happens in")
    parser.add_argument("--changes", type=int, default=100, help="of objects, and as many first items")
    options = parser.parse_args(arguments)
    here = settings.read()
    command = kubectl(here.kubeconfig)
    cluster = Kube(config.new_client_from_config(str(here.kubeconfig)), "default")
    keda_installed(here, cluster, command)
    with staged(cluster, command, "many-keda") as stage:
        stage.run_operators(0)
        names = [f"s{number:04}" for number in range(options.objects)]
        begun = time.monotonic()
        for document in (authentication(), *(each for name in names for each in scaled(stage.kube.namespace, name))):
            stage.kube.apply(document)
        try:
            wait_for(lambda: taken_up(stage) == options.objects, "KEDA to take up every ScaledObject", 1800)
            print(f"{options.objects} ScaledObjects, all taken up, in {time.monotonic() - begun:.0f} s", flush=True)
            rest = time.monotonic()
            wait_for(lambda: time.monotonic() - rest >= QUIET_SECONDS, "it to come to rest", 2 * QUIET_SECONDS)
            cost = idle(cluster, options.seconds, WRITERS)
            for pod in ("keda/keda-operator", "keda/keda-metrics", f"{stage.kube.namespace}/redis"):
                print(f"  {pod}: {cost.cost(pod)}")
            tell_servers(cost)
            changes(stage, names, options.changes)
        finally:
            # With KEDA still there: its finalizers would hold the namespace for ever.
            for name in names:
                stage.kube.delete("ScaledObject", name)
            wait_for(lambda: not stage.kube.list("ScaledObject"), "KEDA to let go of all", 600)
    return 0


def authentication() -> Document:
    target = {"parameter": "password", "name": "redis", "key": "password"}
    return {
        "apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication", "metadata": {"name": "redis"},
        "spec": {"secretTargetRef": [target]},
    }  # fmt: skip


def scaled(namespace: str, name: str) -> tuple[Document, Document]:
    """A Deployment at zero, whose pod no node would take, and what scales it."""
    labels = {"app": name}
    pod = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": {"datacleaning.io/bench": "nowhere"},
        "containers": [{"name": "worker", "image": "dcp-e2e/worker:e2e", "securityContext": HARDENED}],
    }
    deployment: Document = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": pod}},
    }  # fmt: skip
    trigger = {
        "type": "redis", "authenticationRef": {"name": "redis"},
        "metadata": {"address": f"redis.{namespace}.svc:6379", "listName": f"q-{name}", "listLength": "1"},
    }  # fmt: skip
    return deployment, {
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": name},
        "spec": {"scaleTargetRef": {"name": name}, "pollingInterval": 2, "cooldownPeriod": 30,
                 "minReplicaCount": 0, "maxReplicaCount": 10, "triggers": [trigger]},
    }  # fmt: skip


def taken_up(stage: Stage) -> int:
    """How many are Ready by KEDA's own word."""
    conditions = [each.get("status", {}).get("conditions") or [] for each in stage.kube.list("ScaledObject")]
    return sum(any(each["type"] == "Ready" and each["status"] == "True" for each in found) for found in conditions)


def changes(stage: Stage, names: Sequence[str], count: int) -> None:
    """So many changed objects until their HPA is another, first items until a worker is wanted."""
    count = min(count, len(names) // 2)
    queues = connect(f"redis://127.0.0.1:{stage.queue_port}/0", password=PASSWORD)
    hpas = client.AutoscalingV2Api(stage.kube.api).list_namespaced_horizontal_pod_autoscaler
    deployments = client.AppsV1Api(stage.kube.api).list_namespaced_deployment

    def change(name: str) -> None:
        stage.kube.patch("ScaledObject", name, {"spec": {"maxReplicaCount": 9}})

    newer = Followed(hpas, stage.kube.namespace, lambda each: each["spec"]["maxReplicas"] == 9)
    print(spread_of("a changed object, until its HPA is", names[:count], change, newer, "keda-hpa-{}"), flush=True)
    wanted = Followed(deployments, stage.kube.namespace, lambda each: (each["spec"].get("replicas") or 0) > 0)
    print(spread_of("the first item of a list at zero, until a worker is wanted", names[-count:],
                    lambda name: queues.rpush(f"q-{name}", "x"), wanted), flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
