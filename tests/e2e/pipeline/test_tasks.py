"""`dcp` in the cluster: by `kubectl dcp`, as a resource and by a schedule, with the pipeline's own Secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from sqlalchemy import text

from e2e.cluster import settings
from e2e.support.botnet import NAME, Document, resource
from e2e.support.clean_table import TABLE, done
from e2e.support.stage import Stage, wait_for
from support.botnet_feed import write_feed

RECORDS = 2_000
CLAIM = "backups"


@pytest.fixture(scope="module")
def cleaned(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Document:
    """A pipeline whose work is done, and a schedule that comes due within a minute."""
    document = resource(stage.kube.namespace)
    stage.start(document)
    stage.kube.apply(task("each-minute", verify={}, schedule="* * * * *"))
    for path in write_feed(tmp_path_factory.mktemp("feed"), RECORDS, files=1, seed=5):
        stage.put(path, f"sinkhole/{path.name}")
    wait_for(lambda: done(stage.database, RECORDS), "every batch to be done", 180)
    return document


@pytest.fixture
def claim(stage: Stage) -> Iterator[str]:
    """A volume made by hand, of a folder of the node that everybody may write to: our node brings none by itself."""
    name = stage.kube.namespace
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "hostPath": {"path": "/tmp"},
    }
    stage.kube.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
    stage.kube.apply({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": name, "volumeName": name,
                 "resources": {"requests": {"storage": "1Gi"}}},
    })  # fmt: skip
    yield CLAIM
    stage.kube.delete("PersistentVolumeClaim", CLAIM)
    stage.kube.delete("PersistentVolume", name)


def task(name: str, **spec: Any) -> Document:
    return {"apiVersion": "datacleaning.io/v1beta1", "kind": "DataCleaningTask", "metadata": {"name": name},
            "spec": {"pipelineRef": {"name": NAME}, **spec}}  # fmt: skip


def kubectl_dcp(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    """As a person types it: kubectl finds the plug-in on the PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(settings.read().tools), os.environ["PATH"]])
    options = [each for each in stage.command[1:] if each.startswith("--kubeconfig")]
    return subprocess.run(
        [stage.command[0], "dcp", *words, "-n", stage.kube.namespace, *options],
        env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=280,
    )  # fmt: skip


def result(stage: Stage, name: str) -> Document:
    """Of a task that has ended."""
    found: Document = {}

    def over() -> bool:
        status = (stage.kube.get("DataCleaningTask", name) or {}).get("status", {})
        found.update(status)
        return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in status.get("conditions", ()))

    wait_for(over, f"task {name} to end", 240)
    return found


def test_kubectl_dcp_asks_and_ends_as_dcp_does(stage: Stage, cleaned: Document) -> None:
    verified = kubectl_dcp(stage, "verify", NAME)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "the books balance: 1 objects, 2,000 read" in verified.stdout
    rejects = kubectl_dcp(stage, "rejects", NAME, "--limit", "3", "-o", "json")
    answer = json.loads(rejects.stdout)
    assert (rejects.returncode, len(answer["rejects"])) == (0, 3)
    status = kubectl_dcp(stage, "status", NAME)
    assert (status.returncode, "2,000 read" in status.stdout) == (0, True), status.stdout + status.stderr
    assert "workers" in kubectl_dcp(stage, "scale", "explain", NAME).stdout
    assert "botnet-fetcher" in kubectl_dcp(stage, "logs", NAME, "--component", "fetcher").stdout
    requeued = kubectl_dcp(stage, "dead", "requeue", NAME, "--all")
    assert (requeued.returncode, "0 batches live again" in requeued.stdout) == (0, True), requeued.stderr


def test_a_backup_goes_to_the_claim_and_is_whole(stage: Stage, cleaned: Document, claim: str) -> None:
    file = f"{stage.kube.namespace}.dcp"
    stage.kube.apply(task("save", backup={"claimName": claim, "file": file}))
    saved = result(stage, "save")["result"]
    assert saved["exitCode"] == 0, saved
    assert saved["counts"]["rows"] > RECORDS * 0.9, saved
    stage.kube.apply(task("look", restore={"claimName": claim, "file": file, "check": True}))
    looked = result(stage, "look")["result"]
    assert (looked["exitCode"], looked["counts"]["read"]) == (0, RECORDS), looked
    stage.kube.apply(task("onto-what-is-there", restore={"claimName": claim, "file": file}))
    refused = result(stage, "onto-what-is-there")["result"]
    assert refused["exitCode"] == 1, refused


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"verify": {}, "replay": {}}, "exactly one of"),
        ({"requeue": {}}, "all: true, or batches"),
        ({"restore": {"claimName": "c", "file": "f"}, "schedule": "@daily"}, "a backup is put back once"),
        ({"verify": {}, "timeZone": "Europe/Berlin"}, "are for a schedule"),
    ],
    ids=str,
)
def test_the_api_server_refuses_what_makes_no_sense(stage: Stage, cleaned: Document, spec: Document, said: str) -> None:
    with pytest.raises(ApiException, match=said):
        stage.kube.apply(task("refused", **spec))


def test_what_is_done_once_is_not_changed_and_what_is_over_may_be_given_an_end(stage: Stage, cleaned: Document) -> None:
    stage.kube.apply(task("once", verify={"since": "1h"}))
    result(stage, "once")
    with pytest.raises(ApiException, match="make another task"):
        stage.kube.apply(task("once", verify={"since": "2h"}))
    stage.kube.apply(task("once", verify={"since": "1h"}, ttlSecondsAfterFinished=0))
    wait_for(lambda: stage.kube.get("DataCleaningTask", "once") is None, "it to go", 90)
    wait_for(lambda: stage.kube.get("Job", "once") is None, "its Job to go with it", 90)


def test_books_that_do_not_balance_are_a_failed_task_also_by_the_schedule(stage: Stage, cleaned: Document) -> None:
    def scheduled(kind: str) -> str:
        found = (stage.kube.get("DataCleaningTask", "each-minute") or {}).get("status", {})
        return next((c["status"] for c in found.get("conditions", ()) if c["type"] == kind), "")

    wait_for(lambda: stage.kube.get("DataCleaningTask", "each-minute")["status"].get("result"), "a run to end", 180)
    assert scheduled("Failed") == "False"
    with stage.database.begin() as connection:
        connection.execute(text(f"DELETE FROM {TABLE} LIMIT 1"))
    verified = kubectl_dcp(stage, "verify", NAME)
    assert verified.returncode == 1, verified.stderr
    assert "NOT BALANCED" in verified.stdout
    wait_for(lambda: scheduled("Failed") == "True", "the next run to tell of it", 180)
    assert any("do NOT balance" in each for each in stage.events("Failed"))
