"""`deletionPolicy`: Retain holds nothing up; Delete deletes keys and books before the resource goes, or says why it cannot,
and holds up no namespace."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dcp_operator.ground.names import FINALIZER, PAUSE_ANNOTATION, labels
from dcp_operator.process import Parties
from support.kube_api.operated import PIPELINES, TASKS, condition, operated, put_pipeline, ready, resyncs, until
from support.kube_api.server import ApiServer

Document = dict[str, Any]
DELETE = {"deletionPolicy": "Delete"}
PLACE = (PIPELINES, "feeds", "botnet")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcp_operator.reconcile.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("dcp_operator.forgetting.forgetter.FIRST_PAUSE_SECONDS", 2.0)
    monkeypatch.setattr("dcp_operator.tasks.reconcile.WAIT_SECONDS", 0.3)


def pipeline(server: ApiServer) -> Document:
    return server.find(PIPELINES, "botnet") or {}


def finalizers(server: ApiServer) -> list[str]:
    return list(pipeline(server).get("metadata", {}).get("finalizers") or ())


def jobs(server: ApiServer) -> list[Document]:
    return sorted(server.all("jobs"), key=lambda each: str(each["metadata"]["name"]))


async def held(server: ApiServer, redis: str, **more: Any) -> None:
    """A pipeline that is ready, and that our finalizer holds."""
    put_pipeline(server, redis, spec=DELETE, **more)
    await ready(server)
    assert FINALIZER in finalizers(server)


async def told(server: ApiServer, reason: str) -> str:
    await until(lambda: condition(server, "Ready")[1] == reason, f"{reason} to be told")
    return condition(server, "Ready")[2]


async def gone(server: ApiServer) -> None:
    await until(lambda: not pipeline(server), "the resource to go")


def ends(server: ApiServer, job: Document, code: int, outcome: str) -> None:
    """As the Job's controller and the kubelet say it."""
    name, now = job["metadata"]["name"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labelled = job["spec"]["template"]["metadata"]["labels"] | {"batch.kubernetes.io/job-name": name}
    message = json.dumps({"exitCode": code, "outcome": outcome})
    state = {"terminated": {"exitCode": code, "message": message, "finishedAt": now}}
    server.put("pods", {
        "metadata": {"name": f"{name}-x", "namespace": "feeds", "labels": labelled}, "spec": {},
        "status": {"phase": "Failed" if code else "Succeeded", "containerStatuses": [{"name": "dcp", "state": state}]},
    })  # fmt: skip
    found = server.find("jobs", name) or {}
    kind = "Failed" if code else "Complete"
    server.put("jobs", {**found, "status": {"conditions": [{"type": kind, "status": "True"}]}})


def events(server: ApiServer) -> set[tuple[str, str]]:
    return {(each["type"], each["reason"]) for each in server.all("events")}


def waits(parties: Parties, reason: str) -> float | None:
    labelled = {"namespace": "feeds", "pipeline": "botnet", "reason": reason}
    return parties.metrics.registry.get_sample_value("dcp_operator_deletion_waits", labelled)


def left_behind(parties: Parties) -> float:
    labelled = {"namespace": "feeds", "pipeline": "botnet"}
    return parties.metrics.registry.get_sample_value("dcp_operator_left_behind_total", labelled) or 0.0


@pytest.mark.parametrize("spec", [{}, {"deletionPolicy": "Retain"}], ids=["absent", "Retain"])
async def test_one_that_retains_goes_at_once_and_is_never_held(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: Document
) -> None:
    put_pipeline(server, redis, spec=spec)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        assert server.asked("patch", PIPELINES) == []
        server.objects.delete(PLACE)
        assert not pipeline(server)
        await resyncs(server)
        assert jobs(server) == []


async def test_keys_and_books_go_after_the_pods_and_before_the_resource(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operated(server, tmp_path, monkeypatch) as parties:
        await held(server, redis)
        metadata = {"name": "last", "namespace": "feeds", "labels": labels("botnet", "worker")}
        server.put("pods", {"metadata": metadata, "spec": {}, "status": {"phase": "Running"}})
        server.objects.delete(PLACE)
        assert "1 pods, last among them, are ending" in await told(server, "Ending")
        assert server.all("deployments") == []
        assert (condition(server, "Stalled")[0], condition(server, "Reconciling")[0]) == ("False", "True")
        assert jobs(server) == []
        assert waits(parties, "Ending") == 1

        server.objects.delete(("pods", "feeds", "last"))
        await told(server, "Forgetting")
        (job,) = jobs(server)
        assert "ownerReferences" not in job["metadata"], "a deletion in the foreground would take it away"
        assert job["spec"]["suspend"] is False
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["forget", "/etc/dcp/pipeline.json", "--yes", "--force", "-o", "json"]
        volumes = {each["name"]: each for each in job["spec"]["template"]["spec"]["volumes"]}
        of_secrets = [each["secret"]["name"] for each in volumes["secrets"]["projected"]["sources"]]
        assert of_secrets == ["mariadb"], "neither the sources' nor those of transforms"
        spec = server.find("configmaps", volumes["spec"]["configMap"]["name"]) or {}
        assert json.loads(spec["data"]["pipeline.json"])["metadata"]["name"] == "botnet"
        assert [each["name"] for each in spec["metadata"]["ownerReferences"]] == [job["metadata"]["name"]]
        ends(server, job, 0, "12 batches and 3 objects")
        await gone(server)
        assert ("Normal", "Forgotten") in events(server)
        await until(lambda: waits(parties, "Forgetting") is None, "it to be told no more")
        assert (len(jobs(server)), left_behind(parties)) == (1, 0)


async def test_a_queue_or_database_that_is_gone_is_told_tried_again_and_let_go_by_a_person(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operated(server, tmp_path, monkeypatch) as parties:
        await held(server, redis)
        server.objects.delete(PLACE)
        await until(lambda: jobs(server), "the first try")
        ends(server, jobs(server)[0], 1, "the queue cannot be reached: Connection refused")
        await until(lambda: ("Warning", "ForgettingFailed") in events(server), "the Event")
        await until(lambda: len(jobs(server)) == 2, "the second try")
        monkeypatch.setattr("dcp_operator.forgetting.forgetter.FIRST_PAUSE_SECONDS", 300.0)
        ends(server, jobs(server)[-1], 1, "the queue cannot be reached: Connection refused")
        failed = "attempt 2: the queue cannot be reached: Connection refused"
        await until(lambda: failed in condition(server, "Ready")[2], "the second failure to be told")
        said = await told(server, "ForgettingFailed")
        assert "spec.deletionPolicy: Retain lets it go" in said
        assert condition(server, "Stalled")[0] == "True"
        assert waits(parties, "ForgettingFailed") == 1

        document = pipeline(server)
        server.put(PIPELINES, {**document, "spec": {**document["spec"], "deletionPolicy": "Retain"}})
        await gone(server)
        assert ("Normal", "Retained") in events(server)
        assert len(jobs(server)) == 2


@pytest.mark.parametrize("how", ["Retain", "orphan"])
@pytest.mark.parametrize("begun", [True, False], ids=["at work", "still suspended"])
async def test_a_job_that_is_to_delete_ends_before_a_resource_that_keeps_all_goes(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, begun: bool
) -> None:
    """It would take away the keys and books of the next pipeline of that name, while that works."""
    async with operated(server, tmp_path, monkeypatch):
        await held(server, redis)
        if not begun:
            server.refuse(500, "apply", "configmaps")
        server.objects.delete(PLACE)
        await until(lambda: jobs(server) and jobs(server)[0]["spec"]["suspend"] is not begun, "the Job")
        (job,) = jobs(server)
        pod = ("pods", "feeds", f"{job['metadata']['name']}-x")
        if begun:
            labelled = job["spec"]["template"]["metadata"]["labels"]
            metadata = {"name": pod[2], "namespace": "feeds", "labels": labelled}
            server.put("pods", {"metadata": metadata, "spec": {}, "status": {"phase": "Pending"}})
        document = pipeline(server)
        if how == "Retain":
            document = {**document, "spec": {**document["spec"], "deletionPolicy": "Retain"}}
        else:
            document["metadata"]["finalizers"] = [*finalizers(server), "orphan"]
        server.put(PIPELINES, document)
        await until(lambda: not jobs(server), "the Job to be ended")
        if begun:
            assert "is being ended before it may go" in await told(server, "Ending")
            assert FINALIZER in finalizers(server), "its pod may be deleting still"
            server.objects.delete(pod)
        await until(lambda: FINALIZER not in finalizers(server), "ours to be off")
        assert ("Normal", "Retained") in events(server) or ("Warning", "Orphaned") in events(server)
        assert jobs(server) == []


async def test_a_secret_that_went_first_is_told_and_waited_for(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operated(server, tmp_path, monkeypatch):
        await held(server, redis)
    server.objects.delete(("secrets", "feeds", "mariadb"))
    server.objects.delete(("secrets", "feeds", "feed"))
    server.objects.delete(PLACE)
    async with operated(server, tmp_path, monkeypatch):
        said = await told(server, "SecretMissing")
        assert "Secret mariadb does not exist" in said
        assert "Secret feed" not in said, "nothing is read from the sources"
        assert jobs(server) == []
        metadata = {"name": "mariadb", "namespace": "feeds"}
        server.put("secrets", {"metadata": metadata, "data": {"password": base64.b64encode(b"s").decode()}})
        await until(lambda: jobs(server), "the Job")
        ends(server, jobs(server)[-1], 0, "done")
        await gone(server)


@pytest.mark.parametrize("missing", [False, True], ids=["all there", "its Secrets gone already"])
async def test_a_namespace_that_ends_is_not_held_up_and_what_is_left_is_counted(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    async with operated(server, tmp_path, monkeypatch) as parties:
        await held(server, redis)
        if missing:
            server.objects.delete(("secrets", "feeds", "mariadb"))
        server.refuse(403, "create,apply", namespace="feeds", reason="NamespaceTerminating",
                      also=lambda each: each.sub == "" and each.plural != PIPELINES)  # fmt: skip
        server.objects.delete(PLACE)
        await gone(server)
        assert jobs(server) == []
        await until(lambda: left_behind(parties) == 1, "it to be counted")


@pytest.mark.parametrize("how", ["still to be orphaned", "orphaned already"])
async def test_children_that_are_orphaned_keep_what_they_work_with(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async with operated(server, tmp_path, monkeypatch):
        await held(server, redis)
    names = [each["metadata"]["name"] for each in server.all("deployments")]
    if how == "orphaned already":
        for each in server.all("deployments"):
            server.put("deployments", {**each, "metadata": {**each["metadata"], "ownerReferences": []}})
    else:
        document = pipeline(server)
        metadata = {**document["metadata"], "finalizers": ["orphan", FINALIZER]}
        server.put(PIPELINES, {**document, "metadata": metadata})
    server.objects.delete(PLACE)
    async with operated(server, tmp_path, monkeypatch) as parties:
        await until(lambda: FINALIZER not in finalizers(server), "ours to be off")
        assert finalizers(server) == (["orphan"] if how == "still to be orphaned" else [])
        assert [each["metadata"]["name"] for each in server.all("deployments")] == names
        assert (jobs(server), left_behind(parties)) == ([], 1)
        assert ("Warning", "Orphaned") in events(server)


async def test_an_operator_that_is_started_half_way_follows_the_job_that_there_is(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it was killed between the Job and what its pod needs."""
    async with operated(server, tmp_path, monkeypatch):
        await held(server, redis)
        rule = server.refuse(500, "apply", "configmaps")
        server.objects.delete(PLACE)
        await until(lambda: jobs(server), "the Job")
    assert jobs(server)[0]["spec"]["suspend"] is True
    rule.lift()
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: jobs(server)[0]["spec"]["suspend"] is False, "it to go on")
        ends(server, jobs(server)[0], 0, "done")
        await gone(server)
        assert len(jobs(server)) == 1


async def test_a_task_that_writes_comes_to_its_end_first_and_hands_off_is_hands_off(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operated(server, tmp_path, monkeypatch):
        await held(server, redis)
        server.put(TASKS, {
            "apiVersion": "datacleaning.io/v1beta1", "kind": "DataCleaningTask",
            "metadata": {"name": "again", "namespace": "feeds"},
            "spec": {"pipelineRef": {"name": "botnet"}, "replay": {}},
        })  # fmt: skip
        await until(lambda: server.find("jobs", "again"), "the task's Job")
        document = pipeline(server)
        metadata = {**document["metadata"], "annotations": {PAUSE_ANNOTATION: "true"}}
        server.put(PIPELINES, {**document, "metadata": metadata})
        await told(server, "ReconciliationPaused")
        server.objects.delete(PLACE)
        await until(lambda: "nothing is deleted while" in condition(server, "Ready")[2], "the hands to be off")
        assert len(server.all("deployments")) == 2
        document = pipeline(server)
        server.put(PIPELINES, {**document, "metadata": {**document["metadata"], "annotations": {}}})
        assert "Job again changes its tables or queue" in await told(server, "Ending")
        ends(server, server.find("jobs", "again") or {}, 0, "replayed")
        await until(lambda: len(jobs(server)) == 2, "its own Job")
        ends(server, next(each for each in jobs(server) if each["metadata"]["name"] != "again"), 0, "done")
        await gone(server)


async def test_who_may_not_set_the_finalizer_says_so_and_it_comes_off_with_the_wish(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = server.refuse(403, "patch", PIPELINES, message="datacleaningpipelines is forbidden")
    put_pipeline(server, redis, spec=DELETE)
    async with operated(server, tmp_path, monkeypatch):
        assert "(HTTP 403): datacleaningpipelines is forbidden" in await told(server, "FinalizerRejected")
        assert len(server.all("deployments")) == 2, "it works all the same"
        rule.lift()
        await ready(server)
        assert finalizers(server) == [FINALIZER]
        document = pipeline(server)
        metadata = {**document["metadata"], "finalizers": ["another.io/one", FINALIZER]}
        spec = {**document["spec"], "deletionPolicy": "Retain"}
        server.put(PIPELINES, {**document, "metadata": metadata, "spec": spec})
        await until(lambda: finalizers(server) == ["another.io/one"], "ours, and no other, to be off")
