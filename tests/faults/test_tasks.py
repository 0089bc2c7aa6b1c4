"""Tasks: run once, whatever happens meanwhile; never two that write at once; what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.kube_api.operated import PIPELINES, TASKS, operated, put_pipeline, ready, resyncs, until
from support.kube_api.server import ApiServer

Document = dict[str, Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcp_operator.tasks.reconcile.WAIT_SECONDS", 0.3)


def put_task(server: ApiServer, name: str = "books", pipeline: str = "botnet", **spec: Any) -> Document:
    """A task as somebody applies it."""
    what = spec or {"verify": {}}
    return server.put(TASKS, {
        "apiVersion": "datacleaning.io/v1beta1", "kind": "DataCleaningTask",
        "metadata": {"name": name, "namespace": "feeds"}, "spec": {"pipelineRef": {"name": pipeline}, **what},
    })  # fmt: skip


def condition(server: ApiServer, kind: str = "Complete", name: str = "books") -> tuple[str, str, str]:
    found = (server.find(TASKS, name) or {}).get("status", {}).get("conditions", ())
    return next(((c["status"], c["reason"], c["message"]) for c in found if c["type"] == kind), ("", "", ""))


def reason(server: ApiServer, name: str = "books") -> str:
    return condition(server, name=name)[1]


def jobs(server: ApiServer) -> set[str]:
    return {each["metadata"]["name"] for each in server.all("jobs")}


def ends(server: ApiServer, job: str, code: int = 0, **told: Any) -> None:
    """As the Job's controller and the kubelet say it."""
    found = server.find("jobs", job) or {}
    labels = {"batch.kubernetes.io/job-name": job}
    message = json.dumps({"exitCode": code, "outcome": "the books balance", **told})
    state = {"terminated": {"exitCode": code, "message": message, "finishedAt": "2026-11-29T02:00:09Z"}}
    server.put("pods", {
        "metadata": {"name": f"{job}-x", "namespace": "feeds", "labels": labels}, "spec": {},
        "status": {"phase": "Succeeded", "containerStatuses": [{"name": "dcp", "state": state}]},
    })  # fmt: skip
    kind = "Failed" if code else "Complete"
    server.put("jobs", {**found, "status": {"conditions": [{"type": kind, "status": "True"}]}})


def is_at_work(server: ApiServer, job: str, phase: str = "Running") -> None:
    labels = {"batch.kubernetes.io/job-name": job}
    server.put("pods", {"metadata": {"name": f"{job}-x", "namespace": "feeds", "labels": labels}, "spec": {},
                        "status": {"phase": phase}})  # fmt: skip


@pytest.mark.parametrize(
    ("code", "told", "wanted"),
    [
        (0, {"counts": {"read": 5, "written": 5}}, ("Complete", "the books balance", {"read": 5, "written": 5})),
        (1, {"outcome": "3 findings"}, ("Failed", "3 findings", {})),
        (137, {"exitCode": 0}, ("Failed", "its container ended with code 137 (Error); its log says more", {})),
    ],
)
async def test_what_a_run_came_to_is_in_the_status_an_event_and_a_metric(
    server: ApiServer,
    redis: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    told: Document,
    wanted: Any,
) -> None:
    put_pipeline(server, redis)
    put_task(server)
    async with operated(server, tmp_path, monkeypatch) as parties:
        await until(lambda: reason(server) == "Starting", "the Job to be made")
        is_at_work(server, "books")
        await until(lambda: reason(server) == "Running", "it to be at work")
        is_at_work(server, "books", "Succeeded")
        await until(lambda: "about to" in condition(server)[2], "its pod's end to be seen")
        assert reason(server) == "Running"
        assert condition(server, "Reconciling")[0] == "True"
        ends(server, "books", code, **told)
        kind, outcome, counts = wanted
        await until(lambda: condition(server, kind)[0] == "True", "its end")
        status = (server.find(TASKS, "books") or {})["status"]
        assert (status["task"], status["result"]["exitCode"], status["result"]["outcome"]) == ("verify", code, outcome)
        assert status["result"].get("counts", {}) == counts
        assert condition(server, "Stalled")[0] == ("True" if code else "False")
        event = ("DataCleaningTask", "Failed" if code else "Completed", f"verify: {outcome}")
        await until(
            lambda: event in [(e["regarding"]["kind"], e["reason"], e["note"]) for e in server.all("events")],
            "the Event",
        )
        labels = {"namespace": "feeds", "task": "books", "type": "Failed"}
        assert parties.metrics.registry.get_sample_value("dcp_operator_task_condition", labels) == (1 if code else 0)
        written = len([each for each in server.writes if each.plural in ("jobs", TASKS)])
        server.objects.delete(("jobs", "feeds", "books"))
        await resyncs(server)
        assert jobs(server) == set(), "what is done is not done again"
        assert len([each for each in server.writes if each.plural in ("jobs", TASKS)]) == written


async def test_its_pod_has_what_a_worker_has_and_a_spec_of_its_own(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar = {"containers": [{"name": "proxy", "image": "proxy:1"}], "nodeSelector": {"disk": "fast"},
               "env": [{"name": "HTTPS_PROXY", "value": "http://proxy"}]}  # fmt: skip
    put_pipeline(server, redis, spec={"worker": {"podTemplate": sidecar}})
    put_task(server, backup={"claimName": "backups"}, resources={"limits": {"memory": "128Mi"}})
    async with operated(server, tmp_path, monkeypatch, PULL_SECRETS="hub"):
        await until(lambda: jobs(server) == {"books"}, "the Job")
        await ready(server)
        pod = (server.find("jobs", "books") or {})["spec"]["template"]["spec"]
        worker = (server.find("deployments", "botnet-worker") or {})["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == "dcp:1"
        assert container["args"][0] == "backup"
        assert container["args"][2].endswith("/botnet-{time}.dcp")
        assert {"name": "HTTPS_PROXY", "value": "http://proxy"} in container["env"]
        assert container["resources"] == {"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m"}}
        same = ("nodeSelector", "imagePullSecrets", "serviceAccountName", "automountServiceAccountToken")
        assert {each: pod[each] for each in same} == {each: worker[each] for each in same}
        secrets = [[each for each in found["volumes"] if each["name"] == "secrets"] for found in (pod, worker)]
        assert secrets[0] == secrets[1]
        spec = (server.find("configmaps", "books-task-spec") or {})["data"]
        assert json.loads(spec["pipeline.json"])["metadata"]["name"] == "botnet"
        claims = [each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
        assert claims == [{"claimName": "backups", "readOnly": False}]
        policy = (server.find("networkpolicies", "books-task") or {})["spec"]
        assert policy["policyTypes"] == ["Ingress"]
        assert "ingress" not in policy
        assert "secret" not in json.dumps((server.find(TASKS, "books") or {}).get("status", {}))


async def test_a_job_that_a_quota_refuses_is_told_and_made_once_there_is_room(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    rule = server.refuse(403, "apply", "jobs", message="exceeded quota: count/jobs.batch=10")
    put_task(server)
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: reason(server) == "ChildRejected", "the refusal")
        assert "Job books is refused by the API server (HTTP 403): exceeded quota" in condition(server)[2]
        assert condition(server, "Stalled")[0] == "True"
        await until(lambda: [e for e in server.all("events") if e["reason"] == "ChildRejected"], "the Event")
        rule.lift()
        await until(lambda: jobs(server) == {"books"}, "the Job")
        await until(lambda: reason(server) == "Starting", "it to be told")
        assert condition(server, "Stalled")[0] == "False"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {
                "startTime": "2026-11-29T02:00:00Z",
                "containerStatuses": [{"name": "dcp", "state": {"waiting": {"reason": "ContainerCreating"}}}],
            },
            "books-x has no container yet",
        ),
        (
            {
                "containerStatuses": [
                    {"name": "dcp", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}}
                ]
            },
            "is the image's name right, and may the node pull it?",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": 'persistentvolumeclaim "nowhere" not found',
                    }
                ]
            },
            "no node takes it (make the claim, or name another)",
        ),
    ],
    ids=["a volume", "an image", "a claim"],
)
async def test_a_pod_that_does_not_begin_is_told_with_what_to_do(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: Document, said: str
) -> None:
    put_pipeline(server, redis)
    put_task(server)
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: jobs(server) == {"books"}, "the Job")
        labels = {"batch.kubernetes.io/job-name": "books"}
        server.put("pods", {"metadata": {"name": "books-x", "namespace": "feeds", "labels": labels}, "spec": {},
                            "status": {"phase": "Pending", **status}})  # fmt: skip
        await until(lambda: reason(server) == "NotStarting", "it to be told")
        assert said in condition(server)[2]


async def test_an_operator_that_is_started_half_way_follows_the_job_that_there_is(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it was killed between the Job and the status that tells of it."""
    put_pipeline(server, redis)
    put_task(server)
    rule = server.refuse(500, "apply", TASKS)
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: jobs(server) == {"books"}, "the Job")
    rule.lift()
    made = (server.find("jobs", "books") or {})["metadata"]["uid"]
    ends(server, "books")
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: condition(server)[0] == "True", "its end")
        assert (server.find("jobs", "books") or {})["metadata"]["uid"] == made
        assert len(server.asked("apply", "jobs")) == 1


async def test_a_job_that_somebody_deletes_is_not_made_again(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    put_task(server)
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: reason(server) == "Starting", "the Job")
        server.objects.delete(("jobs", "feeds", "books"))
        await until(lambda: condition(server, "Failed")[:2] == ("True", "JobDeleted"), "it to be told")
        await resyncs(server)
        assert jobs(server) == set()


async def test_a_pipeline_that_is_missing_or_stopped_is_told_and_one_that_goes_meanwhile_takes_no_run_with_it(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_task(server, requeue={"all": True})
    async with operated(server, tmp_path, monkeypatch) as parties:
        await until(lambda: reason(server) == "PipelineMissing", "it to be told")
        labels = {"namespace": "feeds", "task": "books", "reason": "PipelineMissing"}
        assert parties.metrics.registry.get_sample_value("dcp_operator_task_not_begun", labels) == 1
        assert "DataCleaningPipeline botnet in namespace feeds: there is none" in condition(server, "PipelineFound")[2]
        put_pipeline(server, redis, spec={"state": "Stopped"})
        await until(lambda: jobs(server) == {"books"}, "the Job, once there is one")
        await until(lambda: condition(server, "PipelineFound")[:2] == ("True", "Stopped"), "that it is stopped")
        server.objects.delete((PIPELINES, "feeds", "botnet"))
        await until(lambda: condition(server, "PipelineFound")[1] == "PipelineMissing", "that it is gone")
        assert jobs(server) == {"books"}
        ends(server, "books", counts={"revived": 2})
        await until(lambda: condition(server)[0] == "True", "its end")


async def test_of_those_that_write_one_is_at_work_at_a_time_and_others_are_not_held_up(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    put_pipeline(server, redis, "other")
    writers = {f"w{n}" for n in range(4)}
    for name in sorted(writers):
        put_task(server, name, replay={})
    put_task(server, "elsewhere", "other", replay={})
    put_task(server, "reader", verify={})
    put_task(server, "look", restore={"claimName": "backups", "file": "a.dcp", "check": True})
    done: set[str] = set()
    async with operated(server, tmp_path, monkeypatch):
        while done != writers:
            await until(lambda: len(jobs(server) & writers) == len(done) + 1, "the next one")
            await until(
                lambda: {reason(server, each) for each in writers - jobs(server)} <= {"WaitingForItsTurn"}, "others"
            )
            await resyncs(server)
            (at_work,) = (jobs(server) & writers) - done
            ends(server, at_work)
            done.add(at_work)
        assert jobs(server) >= {"elsewhere", "reader", "look"}


async def test_a_schedule_is_a_cron_job_whose_writing_runs_wait_for_their_turn(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    put_task(server, "nightly", replay={}, schedule="0 2 * * *", timeZone="Europe/Berlin")
    put_task(server, "now", replay={})
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: reason(server, "nightly") == "Scheduled", "the schedule")
        await until(lambda: jobs(server) == {"now"}, "what is to be done now")
        made = server.find("cronjobs", "nightly") or {}
        spec = made["spec"]
        assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == (
            "0 2 * * *",
            "Europe/Berlin",
            "Forbid",
        )

        def comes_due(name: str) -> None:
            """As the CronJob's controller does it."""
            owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": made["metadata"]["uid"],
                     "controller": True}  # fmt: skip
            metadata = {
                **spec["jobTemplate"]["metadata"],
                "name": name,
                "namespace": "feeds",
                "ownerReferences": [owner],
            }
            server.put("jobs", {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
                                "spec": spec["jobTemplate"]["spec"]})  # fmt: skip

        def is_held() -> bool:
            return bool((server.find("jobs", "nightly-1") or {})["spec"]["suspend"])

        comes_due("nightly-1")
        await until(lambda: reason(server, "nightly") == "WaitingForItsTurn", "its turn to be waited for")
        assert is_held()
        ends(server, "now")
        await until(lambda: not is_held(), "it to begin")
        ends(server, "nightly-1", 1, outcome="cannot reach the database")
        await until(lambda: condition(server, "Failed", "nightly")[:2] == ("True", "Failed"), "that it failed")
        assert condition(server, "Failed", "nightly")[2] == "cannot reach the database"
        assert reason(server, "nightly") == "Scheduled"
        await resyncs(server)
        assert condition(server, "Failed", "nightly")[0] == "True", "until a run ends well"
        server.objects.delete(("pods", "feeds", "nightly-1-x"))
        server.objects.delete(("jobs", "feeds", "nightly-1"))
        comes_due("nightly-2")
        await until(lambda: not (server.find("jobs", "nightly-2") or {})["spec"]["suspend"], "the next run")
        ends(server, "nightly-2")
        await until(lambda: condition(server, "Failed", "nightly")[0] == "False", "that it went well")
        put_pipeline(server, redis, spec={"worker": {"maxAttempts": 9}})
        await until(
            lambda: "maxAttempts" in (server.find("configmaps", "nightly-task-spec") or {})["data"]["pipeline.json"],
            "the next run to have the pipeline's new spec",
        )


async def test_what_is_over_goes_when_its_spec_says_so(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    put_task(server, "short", verify={}, ttlSecondsAfterFinished=0)
    put_task(server, "stays", verify={})
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: jobs(server) == {"short", "stays"}, "the Jobs")
        ends(server, "short")
        ends(server, "stays")
        await until(lambda: server.find(TASKS, "short") is None, "it to go")
        await until(lambda: condition(server, name="stays")[0] == "True", "its end")
        await resyncs(server)
        assert server.find(TASKS, "stays") is not None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"verify": {}, "replay": {}}, "exactly one of"),
        ({"requeue": {}}, "all: true, or batches"),
        ({"verify": {"sinse": "1h"}}, "sinse"),
        ({"restore": {"claimName": "b", "file": "../x"}}, "file"),
    ],
    ids=str,
)  # fmt: skip
async def test_a_spec_that_cannot_be_used_is_told_where_the_api_server_took_it(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: Document, said: str
) -> None:
    put_pipeline(server, redis)
    put_task(server, **spec)
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: reason(server) == "InvalidSpec", "it to be told")
        assert said in condition(server)[2]
        assert jobs(server) == set()


async def test_without_rights_to_jobs_pipelines_go_on(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the operator is newer than its role, or the tasks' CRD is not there."""
    for plural in ("jobs", "cronjobs"):
        server.refuse(403, plural=plural, reason="Forbidden")
    server.refuse(404, "list,watch", TASKS, times=2)
    put_pipeline(server, redis)
    put_task(server)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        await until(lambda: reason(server) == "ChildRejected", "the task to say so")
