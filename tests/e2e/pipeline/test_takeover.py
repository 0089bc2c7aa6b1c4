"""Two operators; the one that writes is killed while a pipeline at zero gets work: seconds until the other acts.

TAKEOVERS=10 pytest -s measures; once is enough to see that it happens.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.operator.kube import Kube
from e2e.support.forward import kubectl
from e2e.support.stage import Stage, staged, wait_for
from e2e.support.timed_items import items_of, prepare, slow_pipeline

LEASE = "leader"
TAKEOVERS = int(os.environ.get("TAKEOVERS", "1"))
SCALING = {"minReplicas": 0, "maxReplicas": 1, "backlogPerWorker": 1, "cooldown": "1s"}


@pytest.fixture(scope="module")
def stage(cluster: Kube, kubeconfig: Path) -> Iterator[Stage]:
    with staged(cluster, kubectl(kubeconfig), "takeover", settings={"LEASE_NAME": LEASE}) as stage:
        stage.run_operators(2)
        yield stage


def leader(stage: Stage) -> str:
    """The pod that holds the Lease; its identity is the pod's name and a few letters."""
    held = (stage.operators.get("Lease", LEASE) or {}).get("spec", {}).get("holderIdentity") or ""
    return str(held).rpartition("_")[0]


@pytest.mark.timeout(1200)
def test_a_leader_that_is_killed_is_followed_within_seconds(stage: Stage) -> None:
    prepare(stage)
    document = slow_pipeline(stage.kube.namespace, SCALING)
    stage.start(document)
    acted, worked = [], []
    with items_of(stage, document) as items:
        for _ in range(TAKEOVERS):
            wait_for(lambda: stage.replicas() == 0, "no worker", 90)
            wait_for(lambda: stage.operator_is_ready() and leader(stage), "two operators, one of them leading", 90)
            killed = leader(stage)
            begun = time.monotonic()
            stage.operators.delete("Pod", killed, grace_seconds=0)
            items.put([0.1])
            wait_for(lambda: stage.replicas() == 1, "a worker to be asked for", 90)
            acted.append(time.monotonic() - begun)
            assert leader(stage) != killed
            wait_for(lambda: items.queue.stats().backlog == 0, "the work to be done", 120)
            worked.append(time.monotonic() - begun)
    print(
        f"takeover, n={TAKEOVERS}: the other acts after {statistics.median(acted):.1f} s (at most {max(acted):.1f} s), "
        f"the work at zero is done after {statistics.median(worked):.1f} s (at most {max(worked):.1f} s)"
    )
