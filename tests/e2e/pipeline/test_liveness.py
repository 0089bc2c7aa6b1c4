"""A worker that is stuck is started anew; one that is idle, or busy with a batch of two minutes, is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.operator.kube import Kube
from e2e.support.botnet import NAME, WORKERS, resource
from e2e.support.clean_table import done, held
from e2e.support.node import signal_pod
from e2e.support.stage import Stage, gone, namespace, wait_for
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.oracle import expect
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES

SECONDS = 120
"""How long the busy worker is busy. Its statement waits for as long as the lease lasts."""


@pytest.fixture
def node(cluster: Kube, stage: Stage) -> Iterator[Kube]:
    """A namespace whose pods may see the processes of their node."""
    kube = namespace(cluster, f"{stage.kube.namespace}-node", {"pod-security.kubernetes.io/enforce": "privileged"})
    yield kube
    cluster.delete("Namespace", kube.namespace)
    gone(cluster, kube.namespace)


def test_only_the_stuck_worker_is_restarted(stage: Stage, node: Kube, tmp_path: Path) -> None:
    longer = f"{SECONDS + 60}s"
    worker = {"concurrency": 1, "batchTimeout": longer}
    document = resource(stage.kube.namespace, queue={"lease": longer}, worker=worker, scaling={"minReplicas": 3})
    stage.start(document)
    wait_for(lambda: len(stage.ready_workers()) == 3, "three workers", 120)
    feed = write_feed(tmp_path, 1_000, files=1, seed=5)
    with held(stage.database):
        stage.put(feed[0], f"sinkhole/{feed[0].name}")
        wait_for(lambda: stage.status().get("backlog", {}).get("inFlight") == 1, "a worker to be busy")
        workers = stage.dcp("status", document, tmp_path)["workers"]
        (busy,) = [each["worker"] for each in workers if each["busy"]]
        stuck, idle = (name for name in restarts(stage) if name != busy)
        signal_pod(node, stage.kube.get("Pod", stuck) or {}, "dcp_worker", "SIGSTOP")
        wait_for(lambda: restarts(stage)[stuck] == 1, "the stuck worker to be started anew", 90)
        wait_for(lambda: len(stage.ready_workers()) == 3, "it to be ready", 60)
        wait_for(lambda: stage.status()["backlog"]["oldestAgeSeconds"] >= SECONDS, "a long batch", SECONDS + 30)
    expected = expect(feed, EXAMPLES / "country.mmdb")
    wait_for(lambda: done(stage.database, expected.read), "the long batch to be done")
    assert_equals_oracle(stage.database, expected)
    assert_totals(stage.dcp("verify", document, tmp_path), expected)
    assert restarts(stage) == {stuck: 1, busy: 0, idle: 0}
    stage.kube.delete("DataCleaningPipeline", NAME)
    wait_for(lambda: not stage.kube.list("Pod", WORKERS), "idle workers to go at once")


def restarts(stage: Stage) -> dict[str, int]:
    """How often each worker was started anew."""
    return {
        each["metadata"]["name"]: sum(one["restartCount"] for one in each["status"].get("containerStatuses", []))
        for each in stage.kube.list("Pod", WORKERS)
    }
