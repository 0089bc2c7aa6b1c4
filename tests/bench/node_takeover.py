"""Seconds until somebody works when the node of the leading operator goes while a pipeline at zero gets work.

    PYTHONPATH=tests python -m bench.node_takeover [--times 10] [--how kill] [--anywhere] [--keep]

A kind cluster of its own, of a control plane and two workers, on the engine and with the images of `make cluster-up
images`: name and kubeconfig are its own, and it is taken down at the end. The chart is installed with its defaults, two
replicas, which are on the two workers; servers and the pipeline's pods are on the control plane's node, which stays: what is
measured is who decides, not where Kubernetes puts pods while it does not know yet that a node is gone. With --anywhere it
is that too: a worker that is put on the dead node waits there until Kubernetes takes it away (docs/adr/0136).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from kubernetes import config

from dcp_pipeline.ledger import connect
from e2e.cluster import engine, images, node, nodes, settings
from e2e.cluster.__main__ import node_image
from e2e.cluster.kind import Kind
from e2e.cluster.progress import ClusterError, Steps
from e2e.operator import install
from e2e.operator.kube import Kube, ready
from e2e.support.forward import forwarded
from e2e.support.stage import PASSWORD, RESTRICTED, Stage, install_crd, namespace, wait_for
from e2e.support.timed_items import Items, items_of, prepare, slow_pipeline
from support.dcp_process import EXAMPLES

NAME = "dcp-takeover"
RELEASE, SYSTEM, LEASE = "dcp", "dcp-system", "dcp-operator-leader"
SCALING = {"minReplicas": 0, "maxReplicas": 1, "backlogPerWorker": 1, "cooldown": "1s"}
DONE_SECONDS = 600
"""Kubernetes finds a node dead after some 50 s, and may leave a pod there for 300 s more."""
ON_CONTROL_PLANE = {
    "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
    "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}],
}


HOW = ("pause", "kill")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument(
        "--how", choices=HOW, default="pause", help="what befalls the node: it stands still, or is killed"
    )
    parser.add_argument("--anywhere", action="store_true", help="the pipeline's pods too may be on the node that goes")
    parser.add_argument("--keep", action="store_true", help="leave the cluster, for another run")
    options = parser.parse_args(arguments)
    here = settings.read()
    under = engine.running(here)
    if under is None:
        raise ClusterError("no engine runs: make cluster-up images")
    kind = Kind(here, under, NAME, workers=2)
    steps = Steps(node.STEPS + 2, here.logs)
    try:
        image, own = node_image(here, under, steps)
        kind.create(image, own, steps)
        kind.load(images.references(), steps)
        with installed(kind) as stage:
            return measure(stage, kind, options)
    finally:
        if not options.keep:
            kind.delete()


@contextmanager
def installed(kind: Kind) -> Iterator[Stage]:
    """The chart, servers, and ways in."""
    cluster = Kube(config.new_client_from_config(str(kind.kubeconfig)), "default")
    install_crd(cluster)
    kube = namespace(cluster, "feeds", RESTRICTED)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM, "labels": RESTRICTED}})
    for name in ("redis", "mariadb"):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        kube.apply({**secret, "stringData": {"password": PASSWORD}})
    for document in install.servers():
        if document["kind"] == "Deployment":
            document["spec"]["template"]["spec"] |= ON_CONTROL_PLANE
        kube.apply(document)
    values = {"images.repository": "dcp-e2e", "images.tag": images.TAG, "crd.install": "false"}
    words = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    helm = [kind.settings.tools / "helm", "--kubeconfig", kind.kubeconfig, "upgrade", "--install", RELEASE]
    subprocess.run([*helm, images.ROOT / "charts/dcp-operator", "--namespace", SYSTEM, *words, "--wait"], check=True)
    for each in ("redis", "mariadb", "feed"):
        wait_for(ready(kube, each), f"the {each} of the tests", 180)
    command = [str(each) for each in kind.kubectl]
    with ExitStack() as stack:
        ports = [stack.enter_context(forwarded(command, kube.namespace, name, port))
                 for name, port in (("mariadb", 3306), ("redis", 6379), ("feed", 8000))]  # fmt: skip
        database = connect(f"mysql+pymysql://dcp@127.0.0.1:{ports[0]}/clean", password=PASSWORD)
        stack.callback(database.dispose)
        stage = Stage(kube, cluster.in_namespace(SYSTEM), RELEASE, database, *ports, command)
        stage.put(EXAMPLES / "country.mmdb", "country.mmdb")
        stage.put(EXAMPLES / "botnet.yaml", "sinkhole/README")
        yield stage


def measure(stage: Stage, kind: Kind, options: argparse.Namespace) -> int:
    """Have it stand still (docker pause: no process of it runs, no packet is answered) or killed, wait, go on; so often."""
    prepare(stage)
    document = slow_pipeline(stage.kube.namespace, SCALING)
    pinned = () if options.anywhere else ("fetcher", "worker")
    for component in pinned:
        part = document["spec"].setdefault(component, {})
        part["podTemplate"] = {**part.get("podTemplate", {}), **ON_CONTROL_PLANE}
    stage.start(document)
    acted, worked = [], []
    with items_of(stage, document) as items:
        for number in range(options.times):
            took = one(stage, kind, items, options.how)
            print(
                f"{number + 1}: the other acts after {took[0]:.1f} s, the work is done after {took[1]:.1f} s",
                flush=True,
            )
            acted.append(took[0])
            worked.append(took[1])
    for what, seconds in (("the other replica acts", acted), ("the work at zero is done", worked)):
        print(f"n={len(seconds)}: {what} after {statistics.median(seconds):.1f} s in the middle, "
              f"{max(seconds):.1f} s at most")  # fmt: skip
    return 0


def one(stage: Stage, kind: Kind, items: Items, how: str) -> tuple[float, float]:
    """Seconds from the node's end, and the work that came with it, to `/scale`, and to the work's end."""
    wait_for(lambda: stage.replicas() == 0, "no worker", 120)
    wait_for(
        lambda: len(operators(stage)) == 2 and leader(stage) in operators(stage), "two operators on two nodes", 300
    )
    stopped = operators(stage)[leader(stage)]
    begun = time.monotonic()
    kind.engine.docker(how, stopped)
    try:
        items.put([0.1])
        wait_for(lambda: stage.replicas() == 1, "a worker to be asked for", 120)
        acted = time.monotonic() - begun
        wait_for(lambda: items.queue.stats().backlog == 0, "the work to be done", DONE_SECONDS)
        return acted, time.monotonic() - begun
    finally:
        back(kind, stopped, how)


def back(kind: Kind, stopped: str, how: str) -> None:
    """The node goes on, or boots."""
    kind.engine.docker({"pause": "unpause", "kill": "start"}[how], stopped)
    if how == "kill":
        nodes.join(kind.engine, kind.nodes)


def operators(stage: Stage) -> dict[str, str]:
    """The ready ones -> their nodes, where no two are on one."""
    pods = stage.operators.list("Pod", f"app.kubernetes.io/instance={RELEASE}")
    ready_ones = {each["metadata"]["name"]: str(each["spec"].get("nodeName")) for each in pods if is_ready(each)}
    return ready_ones if len(set(ready_ones.values())) == len(ready_ones) else {}


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def leader(stage: Stage) -> str:
    """The pod that holds the Lease."""
    lease: dict[str, Any] = (stage.operators.get("Lease", LEASE) or {}).get("spec") or {}
    return str(lease.get("holderIdentity") or "").rpartition("_")[0]


if __name__ == "__main__":
    sys.exit(main())
