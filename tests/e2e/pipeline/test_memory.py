"""A worker over its memory limit is killed by the kernel; its batch is delivered again, and is in the table once."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from e2e.support.botnet import WORKERS, Document, resource
from e2e.support.clean_table import done, held
from e2e.support.stage import Stage, wait_for
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.oracle import expect
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES

RECORDS = 3_000
HOGS = """
import os, time
# Each smaller than the worker: the kernel takes the greatest process of the container.
for _ in range(40):
    if os.fork() == 0:
        ballast = bytearray(os.urandom(1 << 20) * 24)
        time.sleep(60)
time.sleep(60)
"""


def test_a_batch_whose_worker_ran_out_of_memory_is_in_the_table_once(stage: Stage, tmp_path: Path) -> None:
    document = resource(
        stage.kube.namespace,
        queue={"lease": "5s"},
        worker={"concurrency": 1, "resources": {"limits": {"memory": "256Mi"}}},
        scaling={"minReplicas": 1, "maxReplicas": 1},
    )
    stage.start(document)
    wait_for(lambda: len(stage.ready_workers()) == 1, "a worker", 120)
    paths = write_feed(tmp_path, RECORDS, files=1, seed=9)
    with held(stage.database):
        stage.put(paths[0], f"sinkhole/{paths[0].name}")
        wait_for(lambda: stage.status().get("backlog", {}).get("inFlight") == 1, "the worker to be busy")
        exhaust_memory(stage)
    expected = expect(paths, EXAMPLES / "country.mmdb")
    wait_for(lambda: done(stage.database, expected.read), "the batch to be done", 120)
    assert_equals_oracle(stage.database, expected)
    assert_totals(stage.dcp("verify", document, tmp_path), expected)


def exhaust_memory(stage: Stage) -> None:
    """Fill the worker's container until the kernel ends the worker."""
    (worker,) = stage.ready_workers()
    name = worker["metadata"]["name"]
    words = ["-n", stage.kube.namespace, "exec", name, "-c", "worker", "--", "python", "-c", HOGS]
    subprocess.run([*stage.command, *words], capture_output=True, timeout=60, check=False)
    wait_for(lambda: was_killed(stage), "the worker to be out of memory")


def was_killed(stage: Stage) -> bool:
    """Whether SIGKILL ended the worker's container last. OOMKilled is its reason only where containerd heard of the
    lack of memory before it heard of the end; on a starved node it may not, and kubelet itself would ask first."""
    (worker,) = stage.kube.list("Pod", WORKERS)
    (container,) = worker["status"]["containerStatuses"]
    ended: Document = container["lastState"].get("terminated") or container["state"].get("terminated") or {}
    return ended.get("reason") == "OOMKilled" or ended.get("exitCode") == 128 + signal.SIGKILL
