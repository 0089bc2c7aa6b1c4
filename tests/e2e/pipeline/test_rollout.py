"""A spec that changes in the middle of the work, with things killed meanwhile: no record is lost, no worker too many."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.support.botnet import NAME, Document, resource
from e2e.support.clean_table import done, held
from e2e.support.history import replicas_since
from e2e.support.stage import Stage, wait_for
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.oracle import expect
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES

RECORDS = 10_000
WORKER = f"{NAME}-worker"


@pytest.fixture(scope="module")
def botnet(stage: Stage) -> Document:
    document = resource(
        stage.kube.namespace,
        fetcher={"batch": {"maxRecords": 500}},
        queue={"lease": "5s"},
        worker={"concurrency": 1},
        scaling={"minReplicas": 2, "maxReplicas": 2},
    )
    stage.start(document)
    wait_for(lambda: len(stage.ready_workers()) == 2, "two workers", 120)
    return document


def test_a_changed_spec_rolls_out_without_losing_a_record_or_touching_replicas(
    stage: Stage, botnet: Document, tmp_path: Path
) -> None:
    before = stage.deployment()["metadata"]
    paths = write_feed(tmp_path, RECORDS, files=2, seed=3)
    with held(stage.database):
        for path in paths:
            stage.put(path, f"sinkhole/{path.name}")
        wait_for(lambda: stage.status().get("backlog", {}).get("inFlight") == 2, "both workers to be busy")
        change = {"worker": {"concurrency": 2, "resources": {"limits": {"memory": "512Mi"}}}}
        stage.kube.patch("DataCleaningPipeline", NAME, {"spec": change})
        wait_for(lambda: stage.deployment()["metadata"]["generation"] > before["generation"], "the rollout to start")
        stage.kill_operator()
    wait_for(lambda: rolled_out(stage), "the rollout to end", 120)
    killed = stage.ready_workers()[0]["metadata"]["name"]
    stage.kube.delete("Pod", killed, grace_seconds=0)
    expected = expect(paths, EXAMPLES / "country.mmdb")
    wait_for(lambda: done(stage.database, expected.read), "every batch to be done", 120)
    assert_equals_oracle(stage.database, expected)
    assert_totals(stage.dcp("verify", botnet, tmp_path), expected)
    assert set(replicas_since(stage.kube, WORKER, before["resourceVersion"])) == {2}


def test_workers_whose_deployment_is_deleted_come_back_and_finish(
    stage: Stage, botnet: Document, tmp_path: Path
) -> None:
    before = stage.deployment()["metadata"]["uid"]
    (path,) = write_feed(tmp_path, 2_000, files=1, seed=4)
    path = path.rename(tmp_path / "deleted.csv")
    with held(stage.database):
        stage.put(path, "sinkhole/deleted.csv")
        wait_for(lambda: stage.status()["backlog"]["inFlight"] > 0, "a worker to be busy")
        stage.kube.delete("Deployment", WORKER)
        wait_for(lambda: stage.deployment().get("metadata", {}).get("uid", before) != before, "a new Deployment", 10)
    wait_for(lambda: done(stage.database, RECORDS + 2_000), "every batch to be done", 120)
    wait_for(lambda: len(stage.ready_workers()) == 2, "two workers", 60)
    books = stage.dcp("verify", botnet, tmp_path)
    assert (books["findings"], books["read"]) == ([], RECORDS + 2_000)


def rolled_out(stage: Stage) -> bool:
    found = stage.deployment()
    status = found["status"]
    counts = [status.get(each, 0) for each in ("replicas", "readyReplicas", "updatedReplicas")]
    return bool(status["observedGeneration"] >= found["metadata"]["generation"] and counts == [2] * 3)
